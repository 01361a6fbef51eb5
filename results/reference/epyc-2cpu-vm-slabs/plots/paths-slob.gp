# Draw again: gnuplot paths-slob.gp, in this folder.
base = 'paths-slob'
title_text = 'slob: where allocations were served   [synthetic topology: not NUMA latency]'
subtitle_text = 'share of allocations, median; of each workload its first cell'
foot_text = 'AMD EPYC   |   commit 24fe24431efa   |   42 repetitions   |   run slab-goals-20261123T042519Z'
x_text = '% of allocations'
y_text = ''
x_min = 0
x_max = 100
y_min = 0
y_max = 0
c_max = 0
log_x = 0
log_y = 0
ideal = 0
points = 1
two_lines = 0
quantum_y = 0
clock_text = 'clock quantum 0 ns'
label_n = 0
array label_text[1]
array label_y[1]
array label_ls[1]
series_n = 0
missing_n = 0
array series_ls[1]
floor_n = 0
array floor_y[1]
words_text = 'obj_pair obj_remote'
panel_n = 1
array panel_text[1]
array panel_low[1]
array panel_high[1]
panel_text[1] = ''
panel_low[1] = 0
panel_high[1] = 0

# The look of every chart; copied into each script, so that a script needs only
# the data beside it. The lines above this one set:
#   base                    name of the chart's files
#   title_text subtitle_text foot_text x_text y_text
# Colours are those of Okabe and Ito (gnuplot's podo), but for yellow, which is
# darker to be read on white; dashes and points differ as well, so that a chart
# can be read in grey.
set encoding utf8
set colorsequence podo
set style line 1 lt 6 lw 2 dt 1 pt 7 ps 0.9
set style line 2 lt 7 lw 2 dt (10,4) pt 5 ps 0.9
set style line 3 lt 4 lw 2 dt (3,3) pt 9 ps 1.1
set style line 4 lt 2 lw 2 dt (10,3,2,3) pt 13 ps 1.1
set style line 5 lt 8 lw 2 dt (14,3) pt 11 ps 1.1
set style line 6 lt 1 lw 2 dt (5,3,5,3,1,3) pt 6 ps 1.0
set style line 7 lt 3 lw 2 dt (2,6) pt 4 ps 1.0
set style line 8 lc rgb '#8f8700' lw 2 dt (6,6) pt 8 ps 1.1
set style line 9 lc rgb '#7a4b00' lw 2 dt (1,3) pt 12 ps 1.0
set style line 10 lc rgb '#707070' lw 2 dt (12,2,2,2,2,2) pt 10 ps 1.1
set style line 20 lc rgb '#606060' lw 1.2 dt (3,6)
set style line 21 lc rgb '#e4e4e4' lw 0.6 dt 1
set style line 22 lc rgb '#404040' lw 1 dt 1

chart_w = 900
chart_h = 560
set datafile separator whitespace
set datafile missing '?'
set border 3 ls 22
set tics out nomirror scale 0.6
set grid ytics ls 21
set key off
# long ones in smaller print, so that their ends stay on the page
title_font = strlen(title_text) > 76 ? ',13' : ',16'
subtitle_font = strlen(subtitle_text) > 112 ? ',8.5' : ',10'
set label 101 title_text at screen 0.02, screen 0.958 left font title_font noenhanced
set label 102 subtitle_text at screen 0.02, screen 0.908 left font subtitle_font \
	textcolor rgb '#505050' noenhanced
set label 103 foot_text at screen 0.02, screen 0.025 left font ',8' \
	textcolor rgb '#606060' noenhanced
set label 104 y_text at screen 0.022, screen 0.5 center rotate by 90 noenhanced

# Which way allocations went: a bar a workload, its parts from left to right.
# Lines of the data: row, where each of four parts ends, percent of the last
# three.
set lmargin at screen 0.155
set rmargin at screen 0.80
set tmargin at screen 0.80
set bmargin at screen 0.155
n = words(words_text)
set xlabel x_text offset 0, 0.3 noenhanced
set xrange [0:100]
set yrange [n-0.4:-0.6]
set ytics ()
set tics scale 0
unset grid
set border 1 ls 22
do for [i=1:n] { set ytics add (word(words_text, i) i-1) }
array part_text[4]
array part_color[4]
part_text[1] = 'fast path'
part_text[2] = 'slow path: CPU refilled'
part_text[3] = 'slow path: partial slab'
part_text[4] = 'new slab'
part_color[1] = '#cfe3f2'
part_color[2] = '#56b4e9'
part_color[3] = '#0072b2'
part_color[4] = '#d55e00'
do for [i=1:4] {
	x = 0.157 + 0.21 * (i - 1) - 0.08 * (i > 1)
	set object 400+i rectangle from screen x, screen 0.84 to \
		screen x + 0.018, screen 0.864 \
		fillcolor rgb part_color[i] fillstyle solid 1 border lt -1
	set label 400+i part_text[i] at screen x + 0.024, screen 0.852 left \
		font ',10' noenhanced
}
set label 410 'slow | partial | new, %' at graph 1.02, graph 1.03 left \
	font ',9' textcolor rgb '#505050' noenhanced
share(x) = x == 0 ? '0' : x < 0.01 ? '<0.01' : \
	x < 10 ? sprintf('%.2g', x) : sprintf('%.0f', x)
shares(a, b, c) = share(a).' | '.share(b).' | '.share(c)
do for [pass=1:2] {
	if (pass == 1) {
		set terminal svg size chart_w,chart_h dynamic noenhanced \
			font 'DejaVu Sans,11' background rgb 'white'
		set output base.'.svg'
	} else {
		set terminal pngcairo size 2*chart_w,2*chart_h noenhanced \
			font 'DejaVu Sans,11' fontscale 2 linewidth 2 \
			pointscale 2 background rgb 'white'
		set output base.'.png'
	}
	plot base.'.dat' using (0):1:(0):2:($1-0.36):($1+0.36) with \
			boxxyerror fillstyle solid 1 border lc rgb '#404040' \
			fillcolor rgb part_color[1], \
		for [i=2:4] '' using (0):1:(column(i)):(column(i+1)):\
			($1-0.36):($1+0.36) with boxxyerror fillstyle solid 1 \
			border lc rgb '#404040' fillcolor rgb part_color[i], \
		'' using (100):1:(shares($6, $7, $8)) with labels left \
			offset 1.2, 0 font ',9' noenhanced
	unset output
}
