/*
 * Progress of a run. See progress.h.
 */
#include "harness/progress.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#define PLAIN_LINE_NS 2000000000ULL /* between two plain lines */

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

void progress_time(uint64_t ns, char *buf, size_t len)
{
	uint64_t s = (ns + 500000000) / 1000000000;

	if (s < 60)
		snprintf(buf, len, "%us", (unsigned)s);
	else if (s < 3600)
		snprintf(buf, len, "%um%02us", (unsigned)(s / 60),
			 (unsigned)(s % 60));
	else
		snprintf(buf, len, "%lluh%02um", (unsigned long long)s / 3600,
			 (unsigned)(s / 60 % 60));
}

/* By what steps have taken here; by the plan's estimate before the first. */
static uint64_t time_left(const struct progress *p, uint64_t elapsed_ns)
{
	const unsigned left = p->nr_steps - p->done;
	const unsigned run = p->done - p->skipped;

	if (!run)
		return p->estimate_ns / p->nr_steps * left;
	return elapsed_ns / run * left;
}

void progress_text(const struct progress *p, const char *cell, unsigned rep,
		   uint64_t elapsed_ns, char *buf, size_t len)
{
	char eta[32], head[64], failed[32] = "";
	int room;

	progress_time(time_left(p, elapsed_ns), eta, sizeof(eta));
	snprintf(head, sizeof(head), "%3u%% %u/%u  %s left",
		 p->done * 100 / p->nr_steps, p->done, p->nr_steps, eta);
	if (p->failed)
		snprintf(failed, sizeof(failed), "  %u failed", p->failed);
	room = PROGRESS_COLUMNS - (int)strlen(head) - (int)strlen(failed) - 10;
	snprintf(buf, len, "%s%s  %.*s #%u", head, failed, room > 0 ? room : 0,
		 cell, rep);
	if (len > PROGRESS_COLUMNS)
		buf[PROGRESS_COLUMNS] = 0;
}

void progress_begin(struct progress *p, FILE *out, unsigned nr_steps,
		    unsigned skipped, uint64_t estimate_ns)
{
	*p = (struct progress){
		.out = out,
		.terminal = isatty(fileno(out)),
		.nr_steps = nr_steps,
		.done = skipped,
		.skipped = skipped,
		.begin_ns = now_ns(),
		.estimate_ns = estimate_ns,
	};
}

void progress_step(struct progress *p, const char *cell, unsigned rep)
{
	char line[PROGRESS_COLUMNS + 1];
	uint64_t now = now_ns();

	if (!p->terminal && p->last_line_ns &&
	    now - p->last_line_ns < PLAIN_LINE_NS)
		return;
	p->last_line_ns = now;
	progress_text(p, cell, rep, now - p->begin_ns, line, sizeof(line));
	fprintf(p->out, p->terminal ? "\r%s\033[K" : "%s\n", line);
	fflush(p->out);
}

void progress_done(struct progress *p, const char *cell, unsigned rep,
		   const char *status)
{
	p->done++;
	if (!strcmp(status, "ok"))
		return;
	p->failed++;
	fprintf(p->out, "%s%s #%u: %s\n", p->terminal ? "\r\033[K" : "", cell,
		rep, status);
	fflush(p->out);
}

void progress_end(struct progress *p)
{
	if (p->terminal)
		fprintf(p->out, "\r\033[K");
	fflush(p->out);
}
