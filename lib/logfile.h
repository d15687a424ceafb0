/*
 * logfile.h - the file that is the log
 *
 * SPDX-License-Identifier: ISC
 */
#ifndef DSRV_LOGFILE_H
#define DSRV_LOGFILE_H

#include <dirent.h>
#include <sys/stat.h>

#include "ground.h"

/*
 * timeformat.c - strftime(3), one conversion at a time, in one time zone
 */

struct dsrv_time {
	time_t second;
	struct tm tm;
};

/* In local time; -1 with errno. */
int dsrv_timeformat_at(struct dsrv_time *, time_t);
/* From what strptime(3) has read. */
void dsrv_timeformat_of(struct dsrv_time *, const struct tm *);
/* The length of the conversion at the beginning of format; 0: there is text,
 * such as "%%". */
size_t dsrv_timeformat_conversion(const char *format);
/* Formats the conversion of that length; returns how many bytes, or -1: there
 * is no room for them and a NUL. */
int dsrv_timeformat_add(char *to, size_t room, const char *format,
    size_t length, const struct dsrv_time *);

/*
 * logname.c - the log file's name: what the format gives for a time, and
 * whether it would give a name
 */

struct dsrv_logname {
	char path[DSRV_PATH_MAX];
	char converted[DSRV_PATH_MAX];	/* 1 for a byte of a conversion */
};

/* The file's path at that time; -1 with errno. */
int dsrv_logname_at(struct dsrv_logname *, time_t);
/* The name after the last slash. */
const char *dsrv_logname_last(const char *path);

/* A name that the format gives. */
struct dsrv_own {
	size_t length;	/* of what the format gives, without ... */
	long number;	/* ... the number behind it; 0: none; and ... */
	size_t suffix;	/* ... what a processor has added from here on */
	int in_process;	/* that has it now, or had */
};

/* Behind the name of a file while it has it, or what it makes of that. */
#define DSRV_PROCESSING ".processing"
#define DSRV_PROCESSING_LOCK ".processing.lock"

/* Whether strptime(3) reads this as a path of the format, and strftime(3)
 * returns it unchanged: then the logger has made it, or would; ... */
int dsrv_logname_is_read_back(const char *path, struct dsrv_own *);
/* ... or, for conversions that strptime(3) cannot read, such as weeks, whether
 * it is the path of that time. */
int dsrv_logname_is_of(const char *path, time_t, struct dsrv_own *);

/* A part of the format, up to a slash or its end. */
struct dsrv_part {
	char begins[DSRV_PATH_MAX];	/* the text before the conversions */
	char ends[DSRV_PATH_MAX];	/* the text after them */
	int converts;		/* whether there are any */
	const char *rest;	/* the rest of the format, from that slash on */
};

/* The first part of a format. */
void dsrv_logname_part(struct dsrv_part *, const char *format);
/* Stores the beginning of the path that is the same at all times, up to a
 * slash; returns the rest of the format. */
const char *dsrv_logname_fixed(char *path);
/* Whether a name fits that part; if it is the last, perhaps with a number and a
 * suffix. */
int dsrv_logname_fits(const struct dsrv_part *, const char *name);
/* Whether this may be behind the name of an older file, as ".3", ".3.gz" and ""
 * may; its length is 0. */
int dsrv_logname_behind(const char *behind, struct dsrv_own *);
/* Whether the format gives the same name at all times. */
int dsrv_logname_is_final(void);

/*
 * logdir.c - the log file's directory, held by a descriptor
 */

/* The directory of that path. A missing one is created if its own name has a
 * conversion, and that is allowed. -1 with errno. */
int dsrv_logdir_open(const struct dsrv_logname *, int make);
/* The directory of that name in dir, not a link. */
int dsrv_logdir_enter(int dir, const char *name);
/* rename(2) in it, but it never replaces anything: -1 with EEXIST. */
int dsrv_logdir_rename(int dir, const char *old, const char *new);
/* Whether both are the same file; whether one has that name in dir itself, not
 * through a symbolic link. */
int dsrv_logdir_is_same(const struct stat *, const struct stat *);
int dsrv_logdir_has(int dir, const char *name, const struct stat *);
/* To read its names; NULL with errno. */
DIR *dsrv_logdir_names(int dir);

/*
 * filelock.c - a lock on an open file, and which process has it
 */

/* Never waits. -1 with EWOULDBLOCK: another process has it, or the system is
 * short of memory; on a file system without locks none is needed. */
int dsrv_filelock_take(int fd);
void dsrv_filelock_release(int fd);
/* In words, what dsrv_filelock_take() has met last; in static memory. */
const char *dsrv_filelock_why(void);
/* The same, of this file. */
const char *dsrv_filelock_who(int fd);
/* Whether that process holds the lock on this open file and has not been
 * killed; -1: we cannot know. */
int dsrv_filelock_has(pid_t, int fd);
/* Opens and locks an older file, which keeps its name while it is open: all
 * daemons rename and remove only what they have locked. -1 with errno: it is not
 * a regular file, or another process has locked it; EBUSY: by that name it is
 * another daemon's log. */
int dsrv_filelock_open(int dir, const char *name, struct stat *);

/*
 * logclaim.c - a log file is claimed for as long as it is open
 */

/* Claims this file, of that name, as a log, if possible. */
void dsrv_logclaim_make(int fd, const char *name);
void dsrv_logclaim_end(int fd);
/* Whether another process has claimed it by that name. */
int dsrv_logclaim_is_made(int fd, const char *name);

/*
 * logstream.c - standard output or standard error as the log, or a FIFO
 */

/* Instead of a file's size. */
enum {
	DSRV_STREAM = -1,	/* standard output, or standard error */
	DSRV_FIFO = -2
};

/* The descriptor that a path such as "-" or "/dev/stdout" means; -1: the path
 * is a file's. */
int dsrv_logstream_of(const char *path);
/* Opens the same as this descriptor; -1 with errno. */
int dsrv_logstream_open(int number);
/* As write(2), but never waits: EAGAIN. */
ssize_t dsrv_logstream_write(int fd, const char *text, size_t count);

/*
 * logfile.c - the log file: its opening, and the link to it
 */

/* Whether this file has that path. It is called before each write, so it is one
 * system call, which trusts every directory on the way. */
int dsrv_logfile_is_at(const char *path, const struct stat *);
/* Whether the open file has lost that name; trusts no directory. */
int dsrv_logfile_differs(const struct dsrv_logname *, int fd);
/* Opens the file, or creates it, and stores its size. -1 with errno, which
 * dsrv_logfile_why() explains. */
int dsrv_logfile_open(const struct dsrv_logname *, off_t *size);
const char *dsrv_logfile_why(int error);
/* Whether no other user can write this directory. */
int dsrv_logfile_is_trusted(int dir);
/* As a full disk or the end of a daemon leaves it; 0 if it cannot be read. */
int dsrv_logfile_ends_in_half_a_line(int fd);
/* Points the link, if one is set, to path. */
int dsrv_logfile_link(const char *path);

/*
 * logrotation.c - rotation by size: FILE becomes FILE.1, that FILE.2, ...
 */

/* Renames fd, the file of that name, and the older ones. -1 with errno. */
int dsrv_logrotation_make_way(const struct dsrv_logname *, int fd);
/* If nothing has this number, those behind it move up, to the next gap: behind
 * a gap they might not be known as the logger's. */
void dsrv_logrotation_close_up(int dir, const char *name, int number);

/*
 * logold.c - the older log files: those that the logger itself has made
 */

/* From the newest to the oldest. */
enum dsrv_logold_age {
	DSRV_LOGOLD_LEFT,	/* just now */
	DSRV_LOGOLD_PAST,
	DSRV_LOGOLD_AHEAD	/* a time in the future: a wrong clock */
};

struct dsrv_logold_file {
	struct dsrv_logold_file *next;	/* found before it */
	struct dsrv_own own;	/* the part of its path from the format */
	struct stat file;
	enum dsrv_logold_age age;
	char path[];
};

struct dsrv_logold {
	struct stat current;
	const struct stat *left;	/* the file before it, or NULL */
	time_t now;
	int reads_back;		/* by which own names are known */
	size_t fixed;		/* bytes of path before any conversion */
	char path[DSRV_PATH_MAX];	/* where the search is */
	struct dsrv_logold_file *found;	/* the last one */
	size_t found_count;
	struct dsrv_logold_file **files;	/* the newest first */
	size_t count;
	struct dsrv_logold_file *in_process;	/* not among these */
	int locked;	/* left out: another process has them now */
};

/* Finds them; fd is the current file, left the previous one, or NULL. -1 with
 * errno. */
int dsrv_logold_find(struct dsrv_logold *, const struct dsrv_logname *current,
    int fd, const struct stat *left, time_t now);
void dsrv_logold_forget(struct dsrv_logold *);
/* The directory of the file of that path; -1 with errno. */
int dsrv_logold_directory(const struct dsrv_logold *, const char *path);

/*
 * logprune.c - no more log files, and bytes, than are to be kept: the oldest go
 */

/* fd is the current file, to which more bytes will be added; left is the last
 * one, or NULL. Returns the bytes of all other files; 0: there is no limit. */
uintmax_t dsrv_logprune(const struct dsrv_logname *current, int fd,
    size_t more, const struct stat *left, time_t now);

#endif
