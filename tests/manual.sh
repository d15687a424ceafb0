#!/bin/sh
# manual.sh - the manual pages against the header, the README, the examples
#
# Each public function has a page, or a link to one, which shows it as
# include/daemon.h declares it and lib/daemon.map exports it; the tables of
# libdaemonsrv(3) have the same functions, and that of README.md the stages. A
# page shows only program text that is in examples/, line by line, and README.md
# whole programs. Both finger servers have the same code for a client. mandoc
# and groff, which man(1) uses, find no fault, print the same words, and print a
# row of a table as one line.
#
# SPDX-License-Identifier: ISC
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
: "${TOP_SRCDIR:=$top}"
cd "$TOP_SRCDIR"
LC_ALL=C
export LC_ALL
failures=0
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# shellcheck disable=SC1091 # it is found when the tests run
. "$TOP_SRCDIR/tests/lists.sh"

#
# Functions: lists of names, or of declarations
#

declarations() {
	sed '/^[a-z].*[ *]daemon_.*,$/ { N; s/\n */ /; }' include/daemon.h |
	    sed -n '/^[a-z].*[ *]daemon_[a-z0-9_]*(.*);$/p' | sort
}

names() {
	sed 's/(.*//; s/.*[ *]//'
}

# Declarations without types: "daemon_server(fds, count)".
calls() {
	sed 's/^.*[ *]\(daemon_[a-z0-9_]*(\)/\1/; s/;$//; s/(void)/()/
	    s/\([(,] *\)[^(),]*[ *]\([a-z_]*\)/\1\2/g'
}

#
# Pages, without links to another page
#

pages() {
	for page in doc/man3/* doc/man7/*; do
		is_link "$page" || echo "$page"
	done
}

is_link() {
	grep -q '^\.so ' "$1"
}

# section PAGE NAME
section() {
	awk -v name="$2" '/^\.Sh / { inside = $0 == ".Sh " name; next }
	    inside' "$1"
}

# The declarations in the SYNOPSIS sections.
shown() {
	for page in $(pages); do
		section "$page" SYNOPSIS
	done | awk '
		$1 == ".Ft" { type = substr($0, 5) }
		$1 == ".Fn" {
			arguments = substr($0, 6 + length($2))
			gsub(/" "/, ", ", arguments)
			gsub(/"/, "", arguments)
			print type " " $2 "(" arguments ");"
		}' | sort -u
}

# Names that have a file of their own and are in its NAME section.
findable() {
	for file in doc/man3/*.3; do
		name=$(basename "$file" .3)
		page=$file
		if is_link "$file"; then
			page=doc/$(sed -n 's/^\.so //p' "$file")
		fi
		[ -f "$page" ] && ! is_link "$page" &&
		    section "$page" NAME |
		    grep -qE "^\.Nm $name( ,)?\$" && echo "$name"
	done | grep '^daemon_' | sort
}

named() {
	for page in doc/man3/*.3; do
		is_link "$page" || section "$page" NAME |
		    sed -n 's/^\.Nm \([a-z0-9_]*\).*/\1/p'
	done | grep '^daemon_' | sort
}

stages() {
	section doc/man3/libdaemonsrv.3 SYNOPSIS |
	    sed -n 's/^\.Fn \(daemon_[a-z]*\) .*/\1/p'
}

# listed FILTER: declarations of the stages (-F), or of all others (-vF).
listed() {
	declarations | grep "$1" "$(stages | sed 's/.*/ &(/')"
}

in_overview() {
	sed -n 's/^\.It Xr \(daemon_[a-z0-9_]*\) 3 Ta.*/\1/p' \
	    doc/man3/libdaemonsrv.3 | sort
}

missing_sections() {
	for stage in start master logger success server; do
		for title in PROCESSES SIGNALS 'RETURN VALUES' EXAMPLES ERRORS \
		    'SEE ALSO'; do
			[ -n "$(section "doc/man3/daemon_$stage.3" \
			    "$title")" ] || echo "daemon_$stage: $title"
		done
	done
}

# References to our own pages: which others are installed does not matter.
dead_references() {
	for page in $(pages); do
		sed -n 's/^\.\(It \)\{0,1\}Xr \([a-z0-9_-]*\) \([0-9]\).*/\2 \3/p' \
		    "$page" | grep -E '^(daemon_|libdaemonsrv)' |
		    while read -r name number; do
			[ -f "doc/man$number/$name.$number" ] ||
			    echo "$page: $name($number)"
		done
	done
}

installed() {
	sed -n 's/^[[:space:]]*\(doc\/man[0-9]\/[^ ]*\) \\$/\1/p' \
	    doc/local.mk | sort
}

#
# README.md
#

# shellcheck disable=SC2016 # what Markdown has around code
in_tables() {
	sed -n 's/^| `\(daemon_[^`]*\)` |.*/\1/p' README.md | sort
}

# Links, in the README or a page that it links to, to files that make install
# puts elsewhere or leaves out.
dead_links() {
	grep -oE '\]\([^)]*\)' README.md HACKING.md CONTRIBUTING.md |
	    sed 's/^[^:]*:](//; s/)$//' | sort -u |
	    while read -r target; do
		sed -e ':more' -e '/\\$/{ N; s/\\\n//; b more' -e '}' \
		    Makefile.am ./*/local.mk |
		    grep '^nobase_dist_doc_DATA ' | tr -s ' \t' '\n' |
		    grep -qxF "$target" || echo "$target"
	done
}

# Names in the text that are not in the header.
strangers() {
	grep -oE 'daemon_[a-z0-9_]+\(' README.md | tr -d '(' | sort -u |
	    while read -r name; do
		printf '%s\n' "$functions" | grep -qx "$name" || echo "$name"
	done
}

# Each block of C is the program of examples/ that the text last names: the
# whole file, or everything from the first "#include" on.
shown_programs() {
	awk '
		function whole(file, text,    all, body, line) {
			while ((getline line <file) > 0) {
				all = all line "\n"
				if (body != "" || line ~ /^#include/)
					body = body line "\n"
			}
			close(file)
			return text == all || text == body
		}
		$0 == "```c" { inside = 1; text = ""; next }
		$0 == "```" && inside {
			inside = 0
			print (whole(file, text) ? "shown" : "not as shown:"), \
			    file
		}
		inside { text = text $0 "\n"; next }
		match($0, /\(examples\/[a-z-]*\.c\)/) {
			file = substr($0, RSTART + 1, RLENGTH - 2)
		}' README.md
}

# The code of a finger server for a client.
service() {
	sed -n '/^enum {$/,/^main(/p' "$1"
}

#
# Examples: an unindented literal display is in the file that the text before
# it names
#

examples() {
	for page in $(pages); do
		section "$page" EXAMPLES | awk -v page="$page" '
			function has(file, text,    all, line) {
				all = "\n"
				while ((getline line <file) > 0)
					all = all line "\n"
				close(file)
				return index(all, "\n" text) > 0
			}
			$1 == ".Pa" && $2 ~ /^examples\// { file = $2 }
			$0 == ".Bd -literal" { inside = 1; text = ""; next }
			$0 == ".Ed" && inside {
				inside = 0
				print (has(file, text) ? "found" : "not in"), \
				    page ": " file
			}
			inside {
				gsub(/\\&/, "")
				gsub(/\\-/, "-")
				gsub(/\\\(aq/, "\047")
				gsub(/\\\(ga/, "`")
				gsub(/\\\(ha/, "^")
				gsub(/\\\(ti/, "~")
				gsub(/\\e/, "\\")
				text = text $0 "\n"
			}'
	done
}

#
# Formatters. mandoc also complains about pages of others that are not
# installed, which depends on the machine
#

complaints() {
	for page in $(pages); do
		mandoc -T lint -W style "$page" 2>/dev/null || true
	done | grep -vE 'referenced manual not found|^$'
}

# print BY: has BY print each page to a file below that name. Its complaints go
# to stdout.
print() {
	for page in $(pages); do
		mkdir -p "$scratch/$1/${page%/*}"
		{ "$1" "$page" >"$scratch/$1/$page"; } 2>&1
		[ -s "$scratch/$1/$page" ] || echo "$page: nothing printed"
	done
}

groff_prints() {
	groff -mdoc -T ascii -P-cbou "$1"
}

mandoc_prints() {
	mandoc -T ascii "$1" | sed "s/.$(printf '\b')//g"
}

# The words of a printed page, without its first and last line. A word may be
# divided at the end of a line, and each formatter has its own quotes and
# bullets.
words() {
	sed '/^ *$/d' | sed '1d; $d' |
	    sed -e ':more' -e '/-$/{ N; s/-\n *//; b more' -e '}' |
	    tr -s ' ' '\n' | tr -d '"`\047\055' | sed '/^[o*]*$/d'
}

different_words() {
	for page in $(pages); do
		words <"$scratch/mandoc_prints/$page" >"$scratch/mandoc"
		words <"$scratch/groff_prints/$page" >"$scratch/groff"
		diff "$scratch/mandoc" "$scratch/groff" |
		    sed -n "s,^[<>],$page: &,p"
	done
}

# Prints a line for each cell of a page's tables: its row, "fits" or "wide", and
# its text, with one blank between words. The last column counts, too: whether
# it may be wider depends on the formatter.
cells() {
	awk '
		function cell(    fits) {
			fits = length(text) <= length(width[++column])
			print row, fits ? "fits" : "wide", text
			text = ""
		}
		/^\.El/ { table = 0 }
		table && /^\.It / {
			row++
			column = 0
			for (i = 2; i <= NF; i++) {
				word = $i
				if (word == "Ta") {
					cell()
					continue
				}
				if (word ~ /^(Dv|Em|No|Pa|Sy)$/)
					continue
				if (word == "Fn")
					word = $++i "()"
				if (word == "Xr") {
					word = $(i + 1) "(" $(i + 2) ")"
					i += 2
				}
				text = text (text == "" ? "" : " ") word
			}
			cell()
		}
		/^\.Bl -column/ {
			table = 1
			count = split($0, parts, "\"")
			for (i = 2; i <= count; i += 2)
				width[i / 2] = parts[i]
		}' "$1"
}

rows() {
	cells "$1" | awk '
		$1 != row && NR > 1 { print text; text = "" }
		{ row = $1; $1 = $2 = ""; sub(/^ */, "") }
		$0 != "" { text = text (text == "" ? "" : " ") $0 }
		END { if (NR > 0) print text }'
}

all_cells() {
	for page in $(pages); do
		cells "$page" | sed "s,^[0-9]* \(fits\|wide\) ,\1 $page: ,"
	done
}

# broken_rows BY: rows that are not one line of the page as BY prints it.
broken_rows() {
	for page in $(pages); do
		sed 's/^ *//; s/  */ /g' "$scratch/$1/$page" >"$scratch/page"
		rows "$page" | grep -vxFf "$scratch/page" | sed "s,^,$page: ,"
	done
}

functions=$(declarations | names | sort)
same "the functions of include/daemon.h" "$functions" \
    lib/daemon.map "$(mapped)"
same "the functions of include/daemon.h" "$functions" \
    "the pages in doc/man3" "$(findable)"
same "the functions of include/daemon.h" "$functions" \
    "the sections NAME" "$(named)"
same "the declarations of include/daemon.h" "$(declarations)" \
    "the sections SYNOPSIS" "$(shown)"
same "the functions of include/daemon.h without the stages" \
    "$(listed -vF | names | sort)" \
    "the tables of libdaemonsrv(3)" "$(in_overview)"
same "the stages of libdaemonsrv(3)" "$(listed -F | calls | sort)" \
    "the table of README.md" "$(in_tables)"
empty "functions that only README.md has" "$(strangers)"
empty "links of README.md to what is not installed beside it" \
    "$(dead_links)"
same "the files in doc" "$(ls doc/man3/* doc/man7/*)" \
    doc/local.mk "$(installed)"
empty "sections that a stage's page lacks" "$(missing_sections)"
empty "references to a page that is not there" "$(dead_references)"
same "what serves in examples/finger-before.c" \
    "$(service examples/finger-before.c)" \
    examples/finger.c "$(service examples/finger.c)"
programs=$(shown_programs)
empty "programs that README.md shows differently" \
    "$(printf '%s\n' "$programs" | grep -v '^shown')"
found=$(printf '%s\n' "$programs" | grep -c '^shown') || failures=1
echo "programs that it shows: $found"
shown_examples=$(examples)
empty "examples that are in no program" \
    "$(printf '%s\n' "$shown_examples" | grep '^not in')"
found=$(printf '%s\n' "$shown_examples" | grep -c '^found') || failures=1
echo "examples that are in a program: $found"

all=$(all_cells)
empty "cells of tables that are wider than their column" \
    "$(printf '%s\n' "$all" | grep '^wide')"
found=$(printf '%s\n' "$all" | grep -c '^fits') || failures=1
echo "cells that are not: $found"

skipped=0
has() {
	command -v "$1" >/dev/null && return
	echo "SKIP: there is no $1"
	skipped=1
	return 1
}

if has mandoc; then
	empty "what mandoc complains of" "$(print mandoc_prints; complaints)"
	empty "rows that mandoc breaks" "$(broken_rows mandoc_prints)"
fi
if has groff; then
	empty "what groff complains of" "$(print groff_prints)"
	empty "rows that groff breaks" "$(broken_rows groff_prints)"
fi
if [ "$skipped" = 0 ]; then
	empty "words that mandoc and groff print differently" \
	    "$(different_words)"
fi
[ "$failures" = 0 ] || exit 1
[ "$skipped" = 0 ] || exit 77
