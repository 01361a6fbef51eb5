/*
 * `zonebench plot`: data and scripts of every chart, then gnuplot for each.
 * gnuplot is started by itself, without a shell, in the folder of the charts.
 */
#include "harness/plot.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/plot_chart.h"

#define CHARTS_MAX 1024

extern char **environ;

/* First line of what gnuplot said, for the message. */
static void first_complaint(const char *path, char *line, size_t len)
{
	FILE *f = fopen(path, "re");

	line[0] = '\0';
	while (f && fgets(line, (int)len, f)) {
		line[strcspn(line, "\r\n")] = '\0';
		if (line[strspn(line, " \t^")])
			break;
		line[0] = '\0';
	}
	if (f)
		fclose(f);
}

static int spawn_gnuplot(const char *dir, const char *script,
			 const char *messages, int *status)
{
	char *argv[] = { "gnuplot", "-d", (char *)script, NULL };
	posix_spawn_file_actions_t actions;
	pid_t pid;
	int rc = posix_spawn_file_actions_init(&actions);

	if (rc)
		return -rc;
	rc = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null",
					      O_RDONLY, 0);
	if (!rc)
		rc = posix_spawn_file_actions_addopen(
			&actions, 2, messages, O_WRONLY | O_CREAT | O_TRUNC,
			0666);
	if (!rc)
		rc = posix_spawn_file_actions_adddup2(&actions, 2, 1);
	if (!rc)
		rc = posix_spawn_file_actions_addchdir_np(&actions, dir);
	if (!rc)
		rc = posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (rc)
		return -rc;
	while (waitpid(pid, status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

static int render(struct plotter *p, const char *base)
{
	char script[CHART_TEXT_MAX + 8], messages[8192], line[256];
	int status = 0, rc;

	snprintf(script, sizeof(script), "%s.gp", base);
	snprintf(messages, sizeof(messages), "%s/%s.log", p->dir, base);
	rc = spawn_gnuplot(p->dir, script, messages, &status);
	if (rc == -ENOENT) {
		snprintf(p->err, p->err_len,
			 "gnuplot is not installed (package gnuplot-nox); data "
			 "and scripts are in %s",
			 p->dir);
		return rc;
	}
	if (rc) {
		snprintf(p->err, p->err_len, "gnuplot: %s", strerror(-rc));
		return rc;
	}
	first_complaint(messages, line, sizeof(line));
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		snprintf(p->err, p->err_len, "gnuplot %s/%s: %s", p->dir,
			 script, *line ? line : "failed");
		return -EIO;
	}
	unlink(messages); /* at most warnings about engines without points */
	plot_say(p, "%s/%s.svg", p->dir, base);
	return 0;
}

static int draw_all(struct plotter *p)
{
	int rc = plot_xy_charts(p);

	if (!rc)
		rc = plot_latency_charts(p);
	if (!rc)
		rc = plot_series_charts(p);
	if (!rc)
		rc = plot_matrix_charts(p);
	if (!rc)
		rc = plot_remote_charts(p);
	if (!rc)
		rc = plot_pressure_charts(p);
	if (!rc)
		rc = plot_slab_charts(p);
	for (unsigned i = 0; i < p->nr_charts && !rc; i++)
		rc = render(p, p->base[i]);
	return rc;
}

static int make_dir(struct plotter *p)
{
	int n = snprintf(p->dir, sizeof(p->dir), "%s/plots", p->run->dir);

	if (n < 0 || (size_t)n >= sizeof(p->dir)) {
		snprintf(p->err, p->err_len, "%.200s: path too long",
			 p->run->dir);
		return -ENAMETOOLONG;
	}
	if (mkdir(p->dir, 0777) != 0 && errno != EEXIST) {
		n = errno;
		snprintf(p->err, p->err_len, "%s: %s", p->dir, strerror(n));
		return -n;
	}
	return 0;
}

int plot_run(const char *dir, FILE *log, char *err, size_t err_len)
{
	struct plotter p = { .log = log, .err = err, .err_len = err_len };
	struct run_data *run;
	int rc = run_data_load(&run, dir, err, err_len);

	if (rc)
		return rc;
	p.run = run;
	p.max_charts = CHARTS_MAX;
	p.base = calloc(CHARTS_MAX, sizeof(*p.base));
	if (!p.base) {
		snprintf(err, err_len, "%s: out of memory", dir);
		rc = -ENOMEM;
	}
	if (!rc)
		rc = make_dir(&p);
	if (!rc)
		rc = draw_all(&p);
	if (!rc && !p.nr_charts)
		plot_say(&p, "%s: nothing to draw", dir);
	free(p.base);
	run_data_free(run);
	return rc;
}
