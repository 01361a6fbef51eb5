# Draw again: gnuplot freeblocks-kmalloc-mix.gp, in this folder.
base = 'freeblocks-kmalloc-mix'
title_text = 'kmalloc_mix: free blocks by order over time   [synthetic topology: not NUMA latency]'
subtitle_text = '1 thread; one repetition, all zones'
foot_text = 'AMD EPYC   |   commit 24fe24431efa   |   2 repetitions   |   run slab-goals-20261123T042519Z'
x_text = 'time since the gate opened, s'
y_text = ''
x_min = 0
x_max = 0.09015171
y_min = 0
y_max = 1
c_max = 196
log_x = 0
log_y = 0
ideal = 0
points = 0
two_lines = 1
quantum_y = 0
clock_text = 'clock quantum 0 ns'
label_n = 2
array label_text[2]
array label_y[2]
array label_ls[2]
label_text[1] = 'slab'
label_y[1] = 0.0000
label_ls[1] = 7
label_text[2] = 'slob'
label_y[2] = 0.0000
label_ls[2] = 8
series_n = 2
missing_n = 0
array series_ls[2]
series_ls[1] = 7
series_ls[2] = 8
floor_n = 0
array floor_y[1]

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

# Free blocks of each order over time, one panel per engine; the colour is the
# logarithm of their number, white where there is none. Below, with two_lines,
# the types of the pageblocks. Blocks of the data: one per engine (seconds, end,
# order, blocks), then one per engine (seconds, percent of each type).
bottom = two_lines ? 0.40 : 0.155
array type_name[6] = ['unmovable', 'movable', 'reclaimable', 'highatomic', \
	'CMA', 'isolate']
array type_rgb[6] = [0xb03060, 0x9dbfd6, 0xe0b050, 0x404040, 0x7fb07f, 0xe0e0e0]
set palette defined (0 '#fde725', 0.25 '#5ec962', 0.5 '#21918c', \
	0.75 '#3b528b', 1 '#440154')
set logscale cb 10
set cbrange [1:c_max]
set cblabel 'free blocks' offset 0.5, 0
set yrange [-0.5:10.5]
set ytics 0, 1, 10
unset grid
set xrange [x_min:x_max]
# one label for all panels, and few enough times for the width of each
set xlabel ' ' offset 0, 0.3
decade = 10 ** floor(log10(x_max - x_min))
steps = (x_max - x_min) / decade * series_n
set xtics decade * (steps < 6 ? 0.5 : steps < 12 ? 1 : steps < 24 ? 2 : 5)
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
	set multiplot
	do for [i=1:series_n] {
		set lmargin at screen 0.08 + (i-1) * 0.78 / series_n
		set rmargin at screen 0.055 + i * 0.78 / series_n
		set tmargin at screen 0.815
		set bmargin at screen bottom
		if (i == 1) {
			set label 101 title_text at screen 0.02, screen 0.958 \
				left font title_font noenhanced
			set label 102 subtitle_text at screen 0.02, \
				screen 0.908 left font subtitle_font \
				textcolor rgb '#505050' noenhanced
			set label 103 foot_text at screen 0.02, screen 0.025 \
				left font ',8' textcolor rgb '#606060' \
				noenhanced
			set label 104 'order' at screen 0.022, \
				screen 0.5 * (0.815 + bottom) \
				center rotate by 90
			set label 105 x_text at screen 0.445, screen 0.075 \
				center noenhanced
			set colorbox user origin screen 0.87, screen bottom \
				size screen 0.02, screen 0.815 - bottom
			set format y '%g'
		} else {
			unset label 101
			unset label 102
			unset label 103
			unset label 104
			unset label 105
			unset colorbox
			set format y ''
		}
		set label 110 label_text[i] at graph 0, graph 1.035 left \
			font ',12' noenhanced
		plot base.'.dat' index i-1 \
			using (($1+$2)/2):3:1:2:($3-0.5):($3+0.5):4 \
			with boxxyerror fillstyle solid 1 border lw 0.4 \
			linecolor palette
	}
	# types of the pageblocks, stacked
	do for [i=1:series_n * two_lines] {
		set lmargin at screen 0.08 + (i-1) * 0.78 / series_n
		set rmargin at screen 0.055 + i * 0.78 / series_n
		set tmargin at screen 0.34
		set bmargin at screen 0.155
		do for [k=101:105] { unset label k }
		unset label 110
		unset colorbox
		set yrange [0:100]
		set ytics 0, 50, 100
		set format y (i == 1 ? '%g' : '')
		if (i == 1) {
			set label 106 'pageblocks, %' at screen 0.022, \
				screen 0.25 center rotate by 90
			do for [k=1:3] {
				set label 120+k type_name[k] at screen 0.87, \
					screen 0.20 + 0.045 * k left \
					font ',10' textcolor rgb type_rgb[k]
			}
		} else {
			unset label 106
			do for [k=1:3] { unset label 120+k }
		}
		plot for [k=6:1:-1] base.'.dat' index series_n+i-1 \
			using 1:(sum [c=2:k+1] column(c)) with filledcurves \
			y1=0 fillstyle solid 1 noborder lc rgb type_rgb[k]
	}
	unset label 106
	do for [k=1:3] { unset label 120+k }
	set yrange [-0.5:10.5]
	set ytics 0, 1, 10
	unset multiplot
	unset output
}
