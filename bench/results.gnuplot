# results.gnuplot - the rates as a picture: a bar for each server
#
#	gnuplot -e "data = 'name'" results.gnuplot >results.svg
#
# report.awk writes the data to its plot: blocks of lines with a server's name,
# its median, least and most connections a second, and whether it is ours.
#
# SPDX-License-Identifier: ISC
set terminal svg size 760,720 dynamic noenhanced background "white" \
    font "sans-serif,12"
set multiplot layout 3,1 margins 0.36,0.95,0.06,0.92 spacing 0.1 \
    title "Connections a second, one line echoed over each:\
 median, least and most"
set style fill solid
set yrange [*:*] reverse
set offsets 0,0,0.2,0.2
set xrange [0:]
set xtics nomirror
set ytics scale 0 nomirror
set border 1
unset key

array clients[3] = ["1 client", "16 clients", "64 clients"]
do for [i = 1:3] {
	set title clients[i] offset 0,-0.7
	plot data index i - 1 \
	    using (0):0:(0):2:($0 - 0.35):($0 + 0.35): \
	    ($5 > 0 ? 0x2a6fb0 : 0xb9c2cc) with boxxyerror \
	    linecolor rgb variable, \
	    "" index i - 1 using 2:0:3:4:ytic(1) \
	    with xerrorbars pointtype 0 linecolor rgb "#444444"
}
