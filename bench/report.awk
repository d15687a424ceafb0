# report.awk - makes a page and data for a plot from the raw figures
#
#	awk -v plot=name -f report.awk raw >results.md
#
# A raw line of run.sh has its kind, its keys, and names with values. The keys
# of a figure are "KIND CONTENDER COUNT", where COUNT is how many clients there
# are, or connections held; the round; and the name of the value.
#
# SPDX-License-Identifier: ISC

function take(of, round, from,    i) {
	for (i = from; i < NF; i += 2)
		figure[of, round, $i] = $(i + 1)
	if (round > rounds)
		rounds = round
	if (!((of, round, "cpu") in figure) || !figure[of, round, "served"])
		return
	# What a connection costs the server, in us: all its processes, which is
	# not known for children that the kernel reaps, and the one process.
	if (of !~ / floor(-again|-deep)? /)
		figure[of, round, "cost"] = figure[of, round, "cpu"] * 1e6 / \
		    figure[of, round, "served"]
	figure[of, round, "serial"] = figure[of, round, "server"] * 1e6 / \
	    figure[of, round, "served"]
}

function rest(from,    i, text) {
	for (i = from; i <= NF; i++)
		text = text (i > from ? " " : "") $i
	return text
}

$1 == "contender" { order[++contenders] = $2; label[$2] = rest(3) }
$1 == "daemon" { daemon[++daemons] = $2; label["starts", $2] = rest(3) }
$1 == "missing" { missing[++absent] = rest(3) }
$1 == "failed" { failed[++failures] = rest(2) }
$1 == "machine" || $1 == "date" || $1 == "limits" { about[$1] = rest(2) }
$1 == "length" { length_of_load = $2 }
$1 == "calibration" && $2 == "held" { floor_rate = $5 }
$1 == "speed" || $1 == "model" || $1 == "counts" || $1 == "memory" ||
    $1 == "soak" || $1 == "starts" {
	has[$1] = 1
	take($1 " " $2 " " $4, $3, 5)
}
$1 == "held" && $4 == "held" { has[$1] = 1; take($1 " " $2 " " $5, $3, 6) }
$1 == "held" && $4 == "kept" { take($1 " " $2 " " $5, $3, 4) }

#
# The values of all rounds, or the ratios within each round, in order
#

function add(x,    i) {
	for (i = ++many; i > 1 && list[i - 1] > x; i--)
		list[i] = list[i - 1]
	list[i] = x
}

# collect(WHAT, OF) or collect(WHAT, OF, TO) fills the list; returns its length.
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

# How far the floor's second measurement differs: 0.03 for 0.97 or 1.03.
function noise(what, count,    far) {
	if (what != "rate" && what != "p50")
		return 0	# its processor time is not known
	far = collect(what, "speed floor-again " count, "speed floor " count) ? \
	    median() - 1 : 0
	return far < 0 ? -far : far
}

# 1 if the values in the list are all above this one, -1 if they are all below
# it, by more than the noise; the least and the most do not count if there are
# enough. 0: these rounds do not tell.
function side(of, far,    drop) {
	drop = many >= 5
	if (list[1 + drop] - far > of)
		return 1
	return list[many - drop] + far < of ? -1 : 0
}

function one(format, what, of, to) {
	return collect(what, of, to) ? sprintf(format, median()) : "-"
}

# With ~ if the difference from 1 may be chance.
function ratio(what, of, to, far) {
	if (of == to)
		return "1"
	if (!collect(what, of, to))
		return "-"
	return spread("%.2f") (side(1, far) == 0 ? " ~" : "")
}

function total(what, of,    round, sum) {
	for (round = 1; round <= rounds; round++)
		sum += figure[of, round, what]
	return sum + 0
}

#
# Speed
#

# A ratio, its goal, and whether that was met: a rate must be at least the goal,
# anything else at most; "-": there is no ratio.
function cell(goal, what, name, to, count,    far, where, text) {
	if (goal == "-")
		return "-"
	far = noise(what, count)
	text = ratio(what, "speed " name " " count, "speed " to " " count, far)
	if (goal == "" || !many)
		return text
	where = side(goal, far) * (what == "rate" ? 1 : -1)
	return text ": " goal (where > 0 ? " met" : where < 0 ? " missed" : " ?")
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
	print "Ratios within a round: the median of " \
	    collect("rate", "speed floor 1") " rounds, with the least and " \
	    "the most. After the\ncolon comes the goal: met, missed, or ? " \
	    "if the difference is within the noise: how\nmuch the rounds " \
	    "differ, and the floor when it is measured again at the end of " \
	    "each.\n~: the difference from 1 is within the noise.\n"
	print "| | 1 client | 16 clients | 64 clients |"
	print "| --- | --- | --- | --- |"
	brief_row("one fork a connection: rate to the floor", "rate", \
	    "library", "floor", "||")
	brief_row("one fork a connection: rate to a floor as deep", "rate", \
	    "library", "floor-deep", "||")
	brief_row("one fork a connection: rate to naive", "rate", "library", \
	    "naive", "1.05|1.05|1.05")
	brief_row("one fork a connection: rate to naive with -z now", "rate", \
	    "library", "naive-now", "1.00|1.00|1.00")
	brief_row("one fork a connection: CPU to naive", "cost", "library", \
	    "naive", "0.90|0.90|0.90")
	brief_row("one fork a connection: rate to tcpserver", "rate", \
	    "library", "tcpserver", "2.20|2.50|2.50")
	brief_row("every limit set: rate to none", "rate", "library-limits", \
	    "library", "0.97|0.97|0.97")
	brief_row("16 spares: p50 to the floor", "p50", "library-spares", \
	    "floor", "0.50||")
	brief_row("16 spares: rate to the floor", "rate", "library-spares", \
	    "floor", "1.20||")
	brief_row("1 spare: rate to none", "rate", "library-spare", \
	    "library", "1.00|1.00|1.00")
	brief_row("16 spares, reused: rate to the floor of reuse", "rate", \
	    "library-reuse", "floor-reuse", "0.90|0.90|0.90")
	brief_row("16 spares, reused: rate to the floor", "rate", \
	    "library-reuse", "floor", "||")
	brief_row("the noise: rate of the floor to itself", "rate", \
	    "floor-again", "floor", "||")
}

function errors_of(of,    i, sum, text) {
	for (i = 1; i <= kinds; i++)
		if (sum = total(kind[i], of))
			text = text (text ? ", " : "") sum " " kind[i]
	return text ? text : "none"
}

function speed_row(name, count,    of, far) {
	of = "speed " name " " count
	far = noise("rate", count)
	if (!collect("rate", of))
		return
	print "| " label[name] " | " spread("%d") " | " \
	    ratio("rate", of, "speed floor " count, far) " | " \
	    ratio("rate", of, "speed naive " count, far) " | " \
	    one("%d", "cost", of) " | " \
	    ratio("cost", of, "speed naive " count, 0) " | " \
	    one("%d", "p50", of) " | " one("%d", "p99", of) " | " \
	    errors_of(of) " |"
}

function speed(count,    i) {
	print "\n### " count (count > 1 ? " clients\n" : " client\n")
	print "| server | connections a second | to the floor | to naive | " \
	    "CPU us | to naive | p50 us | p99 us | errors |"
	print "| --- | --- | --- | --- | --- | --- | --- | --- | --- |"
	for (i = 1; i <= contenders; i++)
		speed_row(order[i], count)
}

#
# More processors
#

# With n processors, all share the work evenly until the one process, which
# forks or accepts, fills a processor of its own.
function model_row(name,    of, all, serial, i, n, row) {
	of = "model " name " 64"
	if (!collect("cost", of))
		return
	all = median()
	collect("serial", of)
	serial = median() > 0.1 ? median() : 0.1
	for (i = 1; i <= 4; i++) {
		n = processors[i]
		row = row " | " (n * serial < all ? int(n * 1e6 / all) : \
		    int(1e6 / serial))
	}
	printf "| %s | %.1f | %.1f%s | %.0f |\n", label[name], all, serial, \
	    row, all / serial
}

function model() {
	print "\n## With more processors\n"
	print "A model, from the processor time of a connection with 64 " \
	    "clients: in all processes,\n" \
	    "and in the one that forks for all (for reuse: that manages the " \
	    "spares). With the\nclients elsewhere, n processors serve as " \
	    "many connections a second as they have\ntime for, until that " \
	    "one process is always busy: there the rate bends. Locks in " \
	    "the\nkernel that many processors wait for are not in the model, " \
	    "so the rates are upper\nlimits.\n"
	split("2 8 32 128", processors)
	print "| | us | of one process | 2 | 8 | 32 | 128 | bends at |"
	print "| --- | --- | --- | --- | --- | --- | --- | --- |"
	model_row("library")
	model_row("library-spares")
	model_row("library-reuse")
	model_row("naive")
}

#
# Start and stop
#

function start_row(name, count,    of) {
	of = "starts " name " " count
	if (!collect("prompt", of))
		return
	print "| " label["starts", name] (count ? ", " count " held" : "") \
	    " | " ms("prompt", of) " | " ms("answer", of) " | " \
	    ms("stop", of) " |"
}

function ms(what, of) {
	if (!collect(what, of))
		return "-"
	return sprintf("%.1f (%.1f - %.1f)", median() / 1000, \
	    list[1] / 1000, list[many] / 1000)
}

function starts(    i) {
	print "\n## Start and stop\n"
	print "In ms: from the command to the shell's prompt, to the first " \
	    "answer, and from TERM\nto the end of the last process. Clients " \
	    "that are held have a worker each and are\nsilent. Programs " \
	    "that only start another one start floor: their prompt does " \
	    "not tell\nthat it serves. The example of libdaemon has no " \
	    "port: its first answer is its first\nprocess.\n"
	print "| | prompt | first answer | TERM to the end |"
	print "| --- | --- | --- | --- |"
	for (i = 1; i <= daemons; i++)
		start_row(daemon[i], 0)
	start_row("library", 1000)
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
		if (name != "floor-again")
			print "| " label[name] " | " \
			    one("%.1f", "faults", "counts " name " 0") " | " \
			    one("%.1f", "calls", "counts " name " 0") " | " \
			    one("%d", "memory", "memory " name " 0") " |"
	}
}

#
# Scale
#

function held_row(count, rate_goal, p99_goal,    of, floor) {
	of = "held library " count
	floor = "held floor " count
	if (!collect("rate", of))
		return
	print "| " count " | " spread("%d") " | " \
	    ratio("rate", of, floor, 0) goal(rate_goal, 1) " | " \
	    ratio("rate", of, "held floor-deep " count, 0) " | " \
	    ratio("p99", of, floor, 0) goal(p99_goal, -1) " | " \
	    ratio("rate", of, "held library 0", 0) " | " \
	    ratio("rate", floor, "held floor 0", 0) " | " errors_of(of) " |"
}

# The goal for the ratio in the list, and whether it was met.
function goal(value, better) {
	if (value == "" || !many)
		return ""
	return ": " value (side(value, 0) == better ? " met" : \
	    side(value, 0) == -better ? " missed" : " ?")
}

function kept(name,    count, sum) {
	for (count in kept_counts)
		sum += collect("kept", "held " name " " count)
	return sum + 0
}

function held() {
	kept_counts[5000]
	kept_counts[19500]
	kept_counts[20000]
	print "\n## Connections held\n"
	print "The rate of new connections from 16 clients, and the time in " \
	    "which 99 % of them are\nanswered, compared with the floor, " \
	    "while other connections are held, each by a\nworker of its " \
	    "own. At the end each of those must still be answered. What " \
	    "the floor\nloses, too, is due to the machine. The signs are " \
	    "those above.\n"
	print "| held | library: connections a second | to the floor | to a " \
	    "floor as deep | p99 to the floor | library, to none held | " \
	    "floor, to none held | errors |"
	print "| --- | --- | --- | --- | --- | --- | --- | --- |"
	held_row(0, "", "")
	held_row(5000, "0.97", "1.5")
	held_row(19500, "0.90", "1.5")
	held_row(20000, "", "")
	print "\nAt the end all held connections were answered in " \
	    kept("library") " of " collect("rate", "held library 0") \
	    " rounds by the library,\n" \
	    "and in " kept("floor") " of " \
	    collect("rate", "held floor 0") " by the floor; one round held " \
	    "20,000 at once."
	print "\nThe limits of this machine, none of which was raised:\n" \
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
	    length_of_load " s, or more if connections are held."
	print "* The floor is a loop of accept and fork that waits for no " \
	    "child and counts\n  nothing: the least that a connection can " \
	    "cost a server that forks for it. Here it\n  served " \
	    int(floor_rate) " a second. Naive is what one would write: it " \
	    "also reaps its children."
	print "* A floor as deep is three forks below its exec(3), as the " \
	    "library's server is:\n  each fork links the memory of the new " \
	    "process to that of every ancestor since."
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
		model()
		plot_data()
	}
	if (has["counts"] || has["memory"])
		each_connection()
	if (has["starts"])
		starts()
	if (has["held"])
		held()
	if (has["soak"])
		soak()
}
