# logger.gnuplot - the lines that loggers lose when they are killed
#
#	gnuplot -e "few = 'name'; many = 'name'" logger.gnuplot >logger.svg
#
# The data are two outputs of kills: in each line a logger's name, how many
# lines were written, and how many were lost.
#
# SPDX-License-Identifier: ISC
set terminal svg size 760,220 dynamic noenhanced background "white" \
    font "sans-serif,12"
set multiplot layout 1,2 margins 0.16,0.93,0.08,0.78 spacing 0.2 \
    title "Lines lost when the logger is killed again and again"
set style fill solid
set yrange [*:*] reverse
set offsets 0,graph 0.15,0.5,0.5
set xrange [0:]
unset xtics
set ytics scale 0 nomirror
unset border
unset key
color(name) = name eq "libdaemonsrv" ? 0x2a6fb0 : 0xb9c2cc

set title "500 kills" offset 0,-0.7
plot few using (0):0:(0):3:($0 - 0.35):($0 + 0.35):(color(strcol(1))) \
    with boxxyerror linecolor rgb variable, \
    "" using 3:0:3:ytic(1) with labels left offset 0.5,0
set title "5,000 kills" offset 0,-0.7
plot many using (0):0:(0):3:($0 - 0.35):($0 + 0.35):(color(strcol(1))) \
    with boxxyerror linecolor rgb variable, \
    "" using 3:0:3:ytic(1) with labels left offset 0.5,0
