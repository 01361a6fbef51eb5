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
