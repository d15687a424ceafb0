# Flags that are used only where this compiler and linker have them.
# SPDX-License-Identifier: ISC

# DSRV_COMPILER_FLAGS(VARIABLE, FLAGS): substitutes those the compiler takes.
# No function: autoconf 2.69's main() has a warning of its own.
AC_DEFUN([DSRV_COMPILER_FLAGS], [
$1=
dsrv_saved_cflags=$CFLAGS
for dsrv_flag in m4_normalize([$2]); do
    AC_MSG_CHECKING([whether $CC takes $dsrv_flag])
    CFLAGS="$dsrv_saved_cflags -Werror $dsrv_flag"
    AC_COMPILE_IFELSE([AC_LANG_SOURCE([[typedef int nothing;]])],
        [AC_MSG_RESULT([yes])
         $1="$$1 $dsrv_flag"],
        [AC_MSG_RESULT([no])])
done
CFLAGS=$dsrv_saved_cflags
AC_SUBST([$1])
])

# DSRV_LINKER_FLAG(VARIABLE, FLAG, [SPELLING FOR make]): substitutes it.
AC_DEFUN([DSRV_LINKER_FLAG], [
$1=
dsrv_saved_ldflags=$LDFLAGS
AC_MSG_CHECKING([whether the linker takes $2])
LDFLAGS="$dsrv_saved_ldflags $2"
AC_LINK_IFELSE([AC_LANG_PROGRAM()],
    [AC_MSG_RESULT([yes])
     $1="m4_default([$3], [$2])"],
    [AC_MSG_RESULT([no])])
LDFLAGS=$dsrv_saved_ldflags
AC_SUBST([$1])
])

# DSRV_LINKS_OPENSSL(VARIABLE): yes or no, whether a program for this system
# can be built with OPENSSL_CFLAGS and OPENSSL_LIBS.
AC_DEFUN([DSRV_LINKS_OPENSSL], [
dsrv_saved_cflags=$CFLAGS
dsrv_saved_libs=$LIBS
AC_MSG_CHECKING([whether $CC links OpenSSL])
CFLAGS="$CFLAGS $OPENSSL_CFLAGS"
LIBS="$OPENSSL_LIBS $LIBS"
AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <openssl/ssl.h>]],
    [[OPENSSL_init_ssl(OPENSSL_INIT_NO_ATEXIT, NULL);
    return SSL_CTX_new(TLS_server_method()) == NULL;]])],
    [$1=yes], [$1=no])
AC_MSG_RESULT([$$1])
CFLAGS=$dsrv_saved_cflags
LIBS=$dsrv_saved_libs
])
