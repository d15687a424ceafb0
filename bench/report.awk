# report.awk - the raw figures as a page to read, and as data to plot
#
#	awk -v plot=name -f report.awk raw >results.md
#
# A raw line of run.sh is its kind, its keys, and names with values. Figures
# are found by "KIND CONTENDER COUNT", the count being of clients or of
# connections held, and by the round and the name of the value.
#
# SPDX-License-Identifier: ISC

function take(of, round, from,    i) {
	for (i = from; i < NF; i += 2)
		figure[of, round, $i] = $(i + 1)
	# What a connection costs the server, in us.
	if ((of, round, "cpu") in figure && figure[of, round, "served"] > 0)
		figure[of, round, "cost"] = figure[of, round, "cpu"] * 1e6 / \
		    figure[of, round, "served"]
}

function rest(from,    i, text) {
	for (i = from; i <= NF; i++)
		text = text (i > from ? " " : "") $i
	return text
}

$1 == "contender" { order[++contenders] = $2; label[$2] = rest(3) }
$1 == "missing" { missing[++absent] = rest(3) }
$1 == "failed" { failed[++failures] = rest(2) }
$1 == "machine" || $1 == "date" || $1 == "limits" { about[$1] = rest(2) }
$1 == "rounds" { rounds = $2; length_of_load = $3 }
$1 == "speed" || $1 == "counts" || $1 == "memory" || $1 == "soak" {
	has[$1] = 1
	take($1 " " $2 " " $4, $3, 5)
}
$1 == "held" && $4 == "held" { has[$1] = 1; take($1 " " $2 " " $5, $3, 6) }
$1 == "held" && $4 == "kept" { take($1 " " $2 " " $5, $3, 4) }

#
# Of all rounds: values, or ratios within a round, in order
#

function add(x,    i) {
	for (i = ++many; i > 1 && list[i - 1] > x; i--)
		list[i] = list[i - 1]
	list[i] = x
}

# collect(WHAT, OF) or collect(WHAT, OF, TO): how many there are.
function collect(what, of, to,    round, base) {
	many = 0
	for (round = 1; round <= rounds; round++) {
		base = to == "" ? 1 : figure[to, round, what]
		if ((of, round, what) in figure && base > 0)
			add(figure[of, round, what] / base)
	}
	return many
}

function median() {
	if (many % 2)
		return list[(many + 1) / 2]
	return (list[many / 2] + list[many / 2 + 1]) / 2
}

# The median, with the least and the most.
function spread(format) {
	return many ? sprintf(format " (" format " - " format ")", median(), \
	    list[1], list[many]) : "-"
}

function one(format, what, of, to) {
	return collect(what, of, to) ? sprintf(format, median()) : "-"
}

function ratio(what, of, to) {
	collect(what, of, to)
	return spread("%.2f")
}

function total(what, of,    round, sum) {
	for (round = 1; round <= rounds; round++)
		sum += figure[of, round, what]
	return sum + 0
}

#
# Speed
#

# A figure with its goal; "-" if there is none.
function cell(goal, what, name, to, count) {
	if (goal == "-")
		return "-"
	return ratio(what, "speed " name " " count, "speed " to " " count) \
	    (goal != "" ? ": " goal : "")
}

# goals: for 1, 16 and 64 clients.
function brief_row(text, what, name, to, goals,    goal, i, row) {
	split(goals, goal, "|")
	for (i = 1; i <= 3; i++)
		row = row " | " cell(goal[i], what, name, to, clients[i])
	print "| " text row " |"
}

function brief() {
	print "\n## In brief\n"
	print "Ratios within a round: the median of " rounds \
	    " rounds, with the least and the most,\nand after the colon " \
	    "the goal. The noise is naive, run again at the end of each\n" \
	    "round.\n"
	print "| | 1 client | 16 clients | 64 clients |"
	print "| --- | --- | --- | --- |"
	brief_row("one fork a connection: rate to naive", "rate", "library", \
	    "naive", "1.00|1.00|1.00")
	brief_row("one fork a connection: CPU to naive", "cost", "library", \
	    "naive", "0.95|0.95|0.95")
	brief_row("one fork a connection: rate to tcpserver", "rate", \
	    "library", "tcpserver", "1.90|2.40|2.80")
	brief_row("every limit set: rate to none", "rate", "library-limits", \
	    "library", "0.97|0.97|0.97")
	brief_row("16 spares: p50 to naive", "p50", "library-spares", \
	    "naive", "0.55||")
	brief_row("16 spares: rate to naive", "rate", "library-spares", \
	    "naive", "|0.97|0.97")
	brief_row("16 spares, reused: rate to naive", "rate", \
	    "library-reuse", "naive", "4.50|3.00|2.80")
	brief_row("1 spare: rate to none", "rate", "library-spare", \
	    "library", "the noise|the noise|the noise")
	brief_row("the noise: rate to naive", "rate", "naive-again", "naive", \
	    "||")
	brief_row("the noise: CPU to naive", "cost", "naive-again", "naive", \
	    "||")
}

function errors_of(of,    i, sum, text) {
	for (i = 1; i <= kinds; i++)
		if (sum = total(kind[i], of))
			text = text (text ? ", " : "") sum " " kind[i]
	return text ? text : "none"
}

function speed_row(name, count,    of, naive) {
	of = "speed " name " " count
	naive = "speed naive " count
	if (!collect("rate", of))
		return
	print "| " label[name] " | " spread("%d") " | " \
	    ratio("rate", of, naive) " | " one("%d", "cost", of) " | " \
	    ratio("cost", of, naive) " | " one("%d", "p50", of) " | " \
	    one("%d", "p99", of) " | " errors_of(of) " |"
}

function speed(count,    i) {
	print "\n### " count (count > 1 ? " clients\n" : " client\n")
	print "| server | connections a second | to naive | CPU us | " \
	    "to naive | p50 us | p99 us | errors |"
	print "| --- | --- | --- | --- | --- | --- | --- | --- |"
	for (i = 1; i <= contenders; i++)
		speed_row(order[i], count)
}

# A block for each number of clients.
function plot_data(    i, j) {
	for (i = 1; i <= 3; i++) {
		for (j = 1; j <= contenders; j++)
			if (collect("rate", "speed " order[j] " " clients[i]))
				printf "\"%s\" %.1f %.1f %.1f %d\n", \
				    label[order[j]], median(), list[1], \
				    list[many], order[j] ~ /^library/ >plot
		print "\n" >plot
	}
}

#
# Each connection
#

function each_connection(    i, name) {
	print "\n## Each connection\n"
	print "Of the server and its worker together: page faults " \
	    "(`perf stat -e page-faults`) and\nsystem calls " \
	    "(`strace -c -f`); and the private memory of a worker that " \
	    "holds its\nconnection.\n"
	print "| server | page faults | system calls | private KiB |"
	print "| --- | --- | --- | --- |"
	for (i = 1; i <= contenders; i++) {
		name = order[i]
		if (name != "naive-again")
			print "| " label[name] " | " \
			    one("%.1f", "faults", "counts " name " 0") " | " \
			    one("%.1f", "calls", "counts " name " 0") " | " \
			    one("%d", "memory", "memory " name " 0") " |"
	}
}

#
# Scale
#

function held_row(count, goal,    of, naive) {
	of = "held library " count
	naive = "held naive " count
	if (!collect("rate", of))
		return
	print "| " count " | " spread("%d") " | " \
	    ratio("rate", of, "held library 0") goal " | " \
	    ratio("rate", naive, "held naive 0") " | " \
	    ratio("rate", of, naive) " | " errors_of(of) " |"
}

function held() {
	print "\n## Connections held\n"
	print "The rate of new connections from 16 clients, in 1 s, while " \
	    "other connections,\neach with a worker of its own, are held; " \
	    "at the end each of those must still be\nanswered. After the " \
	    "colon is the goal.\n"
	print "| held | library: connections a second | library, to none " \
	    "held | naive, to none held | library to naive | errors |"
	print "| --- | --- | --- | --- | --- | --- |"
	held_row(0)
	held_row(5000, ": 0.95")
	held_row(19500, ": 0.85")
	print "\nAll 19,500 were answered at the end in " \
	    collect("kept", "held library 19500") " of " rounds \
	    " rounds by the library, and in " \
	    collect("kept", "held naive 19500") " of 1\nby naive. Then the " \
	    "library held 20,000 at once, and " \
	    (collect("kept", "held library 20000") ? \
	    "answered all of them." : "failed: see above.")
	print "\nThe limits here, none of which was raised:\n" \
	    about["limits"] ".\nEach connection is a process, so " \
	    "kernel.pid_max, kernel.threads-max, RLIMIT_NPROC of\nusers " \
	    "other than root, and TasksMax of a service or pids.max of a " \
	    "container must\nbe above 20,000. RLIMIT_NOFILE may stay low: " \
	    "a server that forks closes each\nconnection that it hands " \
	    "to a worker, and each client process holds only 4,000."
}

function soaked(what) {
	return figure["soak library 0", 1, what] + 0
}

function soak() {
	print "\n## Workers come and go\n"
	printf "%d clients of the library for %d s, each connection kept for " \
	    "up to 2 s:\n%d connections, errors: %s.\n\n", \
	    soaked("workers"), soaked("seconds"), soaked("served"), \
	    errors_of("soak library 0")
	printf "* The oldest zombie was seen for %.2f s, and was one for " \
	    "at most %.2f s\n  (%d samples).\n", soaked("zombie_seen"), \
	    soaked("zombie_age"), soaked("looks")
	print "\n| master and server | before | after |\n| --- | --- | --- |"
	printf "| descriptors | %d | %d |\n", soaked("fds_before"), \
	    soaked("fds_after")
	printf "| private memory, KiB | %d | %d |\n", \
	    soaked("private_before"), soaked("private_after")
	printf "| address space, KiB | %d | %d |\n", \
	    soaked("virtual_before"), soaked("virtual_after")
}

#
# The page
#

function introduction(    i) {
	print "# How fast it is\n"
	print "Written by `make bench`, which takes less than five " \
	    "minutes.\n"
	if (has["speed"])
		print "![connections a second](results.svg)\n"
	print "* Machine: " about["machine"]
	print "* Day: " about["date"]
	print "* Each connection sends one line, which comes back, and is " \
	    "closed by its client:\n  a closed loop on loopback. Servers " \
	    "that execute a program for each connection\n  all execute " \
	    "the same static one."
	print "* The servers took turns; each load lasted " \
	    length_of_load " s unless stated otherwise. Naive\n  is " \
	    "the textbook loop of accept and fork."
	print "* CPU is that of the server and all its processes, for one " \
	    "connection."
	for (i = 1; i <= absent; i++)
		print "* Missing, not installed: " missing[i]
	for (i = 1; i <= failures; i++)
		print "* Failed: " failed[i]
}

END {
	split("1 16 64", clients)
	kinds = split("refused reset closed wrong timeout other", kind)
	introduction()
	if (has["speed"]) {
		brief()
		print "\n## Speed"
		for (i = 1; i <= 3; i++)
			speed(clients[i])
		plot_data()
	}
	if (has["counts"] || has["memory"])
		each_connection()
	if (has["held"])
		held()
	if (has["soak"])
		soak()
}
