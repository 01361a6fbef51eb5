/*
 * zonebench plot: draws the charts of a run folder, again or for the first
 * time.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "harness/command.h"
#include "harness/plot.h"

/* Without it the folder is none of ours; nothing is written there. */
static bool is_run_folder(const char *dir)
{
	char path[4096];
	int len = snprintf(path, sizeof(path), "%s/run.json", dir);

	return len > 0 && (size_t)len < sizeof(path) && !access(path, R_OK);
}

static int plot_main(int argc, char **argv, char *err, size_t err_len)
{
	if (argc != 2 || !*argv[1]) {
		snprintf(err, err_len,
			 "command line: plot: expected one run folder, such as "
			 "results/NAME");
		return EXIT_USAGE;
	}
	if (!is_run_folder(argv[1])) {
		snprintf(err, err_len,
			 "%s: expected a run folder, with a run.json in it",
			 argv[1]);
		return EXIT_USAGE;
	}
	return plot_run(argv[1], stdout, err, err_len) ? EXIT_FAILED : EXIT_OK;
}

static struct command plot = {
	.name = "plot",
	.usage = "DIR",
	.summary = "draw the charts of a run folder",
	.help = "Writes DIR/plots/NAME.{dat,gp,svg,png}; `gnuplot NAME.gp` in "
		"that folder draws\na chart again. Needs gnuplot 5.4 "
		"(gnuplot-nox).\n",
	.run = plot_main,
};
COMMAND(plot);
