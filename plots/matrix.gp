# Node x node, one panel for each figure; the number decides, the shade helps.
# Blocks of the data, two a panel: (column, row, value, text, dark), and
# (column, row) of the places without a number.
set palette defined (0 '#f7fbff', 0.35 '#9ecae1', 0.7 '#3182bd', 1 '#08306b')
unset colorbox
unset grid
set border 15 ls 22
n = words(words_text)
chart_h = 440
size_of_text = n <= 4 ? 12 : n <= 8 ? 8 : 6
set xrange [-0.5:n-0.5]
set yrange [n-0.5:-0.5]
set xtics ()
set ytics ()
set tics scale 0
do for [i=1:n] { set xtics add (word(words_text, i) i-1) }
panel_w = 0.9 / panel_n
# as square as the figure lets them be
side_w = panel_w - 0.045 < 0.41 ? panel_w - 0.045 : 0.41
side_h = side_w * chart_w / chart_h
if (side_h > 0.64) { side_h = 0.64 }
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
	set tmargin at screen 0.48 + side_h / 2
	set bmargin at screen 0.48 - side_h / 2
	do for [i=1:panel_n] {
		left = 0.075 + (i - 1) * panel_w
		set lmargin at screen left
		set rmargin at screen left + side_w
		if (i == 1) {
			set label 101 title_text at screen 0.02, screen 0.958 \
				left font title_font noenhanced
			set label 102 subtitle_text at screen 0.02, \
				screen 0.908 left font ',10' \
				textcolor rgb '#505050' noenhanced
			set label 103 foot_text at screen 0.02, screen 0.025 \
				left font ',8' textcolor rgb '#606060' \
				noenhanced
			set label 104 y_text at screen 0.022, screen 0.48 \
				center rotate by 90 noenhanced
			do for [k=1:n] {
				set ytics add (word(words_text, k) k-1)
			}
		} else {
			unset label 101
			unset label 102
			unset label 103
			unset label 104
		}
		set xlabel x_text offset 0, 0.3 noenhanced
		set cbrange [panel_low[i]:panel_high[i]]
		set label 110 panel_text[i] at graph 0, graph 1.06 left \
			font ',12' noenhanced
		plot base.'.dat' index 2*i-2 using 1:2:($1-0.5):($1+0.5):\
				($2-0.5):($2+0.5):3 with boxxyerror \
				fillstyle solid 1 border lc rgb 'white' \
				linecolor palette, \
			'' index 2*i-1 using 1:2:($1-0.5):($1+0.5):\
				($2-0.5):($2+0.5) with boxxyerror ls 20 \
				dt 1 fillstyle pattern 4 border, \
			'' index 2*i-2 using 1:($5 == 1 ? $2 : NaN):4 \
				with labels font sprintf(',%d', size_of_text) \
				textcolor rgb 'white', \
			'' index 2*i-2 using 1:($5 == 0 ? $2 : NaN):4 \
				with labels font sprintf(',%d', size_of_text) \
				textcolor rgb 'black'
	}
	unset multiplot
	unset output
}
