/*
 * zonebench rep RUNDIR CELL REP ATTEMPT DIR [COMMAND ANSWER]: one repetition,
 * started by the runner and by nobody else. Its verdict goes as one line to
 * descriptor 3, the pipe that the runner reads; its files into DIR, which the
 * runner renames. Through the two descriptors, if given, a profiler is told
 * where the window begins and ends.
 */
#include "harness/rep.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "harness/command.h"
#include "harness/preload.h"
#include "harness/runfile.h"
#include "workloads/lib/rng.h"

#define CALIBRATION_WINDOWS   7
#define CALIBRATION_WINDOW_NS 2000000
#define AUDIT_BLOCKS          4096
#define FRAMES_TO_QUERY       128

void rep_judge(struct rep *rep, enum rep_verdict verdict, const char *fmt, ...)
{
	va_list args;

	if (rep->verdict != VERDICT_OK &&
	    (rep->verdict != VERDICT_VOID || verdict == VERDICT_VOID))
		return;
	rep->verdict = verdict;
	va_start(args, fmt);
	vsnprintf(rep->why, sizeof(rep->why), fmt, args);
	va_end(args);
}

/* VmRSS, from /proc/self/statm. */
uint64_t rep_resident(void)
{
	FILE *f = fopen("/proc/self/statm", "re");
	unsigned long long size, resident = 0;

	if (f && fscanf(f, "%llu %llu", &size, &resident) != 2)
		resident = 0;
	if (f)
		fclose(f);
	return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

static int build_machine(struct rep *rep, char *err, size_t err_len)
{
	uint64_t begin;
	int r = arena_map(&rep->arena, rep->desc, err, err_len);

#ifdef FAULTS
	if (!r && !strcmp(rep->params->fault, "binding"))
		r = arena_bind_wrongly(&rep->arena, rep->desc);
#endif
	if (r)
		return r;
	begin = tsc_read();
	r = machine_create(&rep->machine, rep->desc, &rep->arena.memory, err,
			   err_len);
	if (r)
		return r;
	r = machine_params_boot(&rep->params->machine, rep->machine, err,
				err_len);
	if (r)
		return r;
	rep->boot_ticks = tsc_read() - begin;
	rep->rss_after_boot_kib = rep_resident() / 1024;
	r = free_state_take(&rep->boot_state, rep->machine);
	if (r)
		snprintf(err, err_len, "free lists after boot: %s",
			 strerror(-r));
	return r;
}

bool rep_huge_frames(const struct rep *rep)
{
	return rep->params->frames == FRAMES_HUGE && !rep_slab_foreign(rep);
}

static int populate(struct rep *rep, char *err, size_t err_len)
{
	uint64_t begin = tsc_read();
	int r;

	if (rep->params->workload.touch == TOUCH_NONE &&
	    !rep_wants_reclaim(rep))
		return arena_populate_some(&rep->arena, rep->desc,
					   FRAMES_TO_QUERY, err, err_len);
	r = arena_populate(&rep->arena, rep->desc, err, err_len);
	if (!r && rep_huge_frames(rep))
		r = arena_make_huge(&rep->arena, rep->desc, err, err_len);
	rep->populate_ticks = tsc_read() - begin;
	return r;
}

static int start_engine(struct rep *rep, char *err, size_t err_len)
{
	int r;

	rep->counters = calloc(rep->machine->nr_zones, sizeof(*rep->counters));
	if (!rep->counters) {
		snprintf(err, err_len, "out of memory");
		return -ENOMEM;
	}
	r = rep->binding->ops->create(&rep->engine, rep->machine);
	if (!r) {
		/* an engine built over another calls that one's create */
		rep->engine->ops = rep->binding->ops;
		r = page_ctx_enter(&rep->ctx, rep->engine, 0, rep->counters,
				   NULL);
	}
	if (r)
		snprintf(err, err_len, "engine %s: create: %s",
			 rep->binding->ops->name, strerror(-r));
	return r;
}

/* Where threads of the engine's own record, one ring a node. */
static int give_rings(struct rep *rep, char *err, size_t err_len)
{
	const unsigned nr = rep->desc->topo.nr_nodes;

	if (!(rep->binding->ops->features & PAGE_F_DEFERRED))
		return 0;
	rep->node_events = calloc(nr, sizeof(*rep->node_events));
	for (unsigned i = 0; rep->node_events && i < nr; i++) {
		if (rep_ring_init(rep, &rep->node_events[i]))
			break;
		if (i + 1 == nr) {
			rep->engine->node_events = rep->node_events;
			return 0;
		}
	}
	snprintf(err, err_len, "out of memory");
	return -ENOMEM;
}

/* Resolves the machine and chooses a place for each thread. */
static int place(struct rep *rep, char *err, size_t err_len)
{
	const struct job_params *p = rep->params;
	const struct place_request rq = {
		.host = rep->host,
		.model = &rep->desc->topo,
		.cpu_set = p->cpu_set,
		.placement = p->placement,
		.rules = &p->mem_policy,
		.nr = p->threads.n,
		.share = p->oversubscribe,
	};
	int r = machine_params_resolve(&p->machine, rep->desc, err, err_len);

	return r ? r : place_team(&rq, rep->place, err, err_len);
}

/* The first CPU of the host that is another one. */
static unsigned other_cpu(const struct topo *host, unsigned cpu)
{
	unsigned other = 0;

	while (other + 1u < host->nr_cpus && other == cpu)
		other++;
	return other;
}

/* Floors on the CPUs of the first two workers, or on that of the only one and
 * some other. */
static int measure_floors(struct rep *rep, char *err, size_t err_len)
{
	const uint16_t *cpu = rep->place->cpu;
	const unsigned second = rep->params->threads.n > 1
					? cpu[1]
					: other_cpu(rep->host, cpu[0]);
	const uint16_t os_cpu[2] = { rep->host->os_cpu[cpu[0]],
				     rep->host->os_cpu[second] };
	const unsigned nr = os_cpu[0] == os_cpu[1] ? 1 : 2;
	int r;

	r = floors_measure(rep->floors, MAX_FLOORS, &rep->nr_floors, os_cpu,
			   nr);
	if (r)
		snprintf(err, err_len, "measuring floors: %s", strerror(-r));
	return r;
}

static int lock_memory(const struct rep *rep, char *err, size_t err_len)
{
	int r;

	if (!rep->params->memlock)
		return 0;
	if (!mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT))
		return 0;
	r = -errno;
	snprintf(err, err_len, "memlock=1: %s", strerror(-r));
	return r;
}

const char *rep_engine_name(const struct rep *rep)
{
	return rep->slab_binding ? rep->slab_binding->ops->name
				 : rep->binding->ops->name;
}

static int set_up(struct rep *rep, char *err, size_t err_len)
{
	int r = clock_calibrate(&rep->clock, CALIBRATION_WINDOWS,
				CALIBRATION_WINDOW_NS, err, err_len);

	if (!r)
		r = place(rep, err, err_len);
	if (!r)
		r = measure_floors(rep, err, err_len);
	if (!r)
		r = build_machine(rep, err, err_len);
	if (!r)
		r = lock_memory(rep, err, err_len);
	if (!r)
		r = populate(rep, err, err_len);
	if (!r)
		r = start_engine(rep, err, err_len);
	if (!r)
		r = rep_reclaim_start(rep, err, err_len);
	if (!r)
		r = give_rings(rep, err, err_len);
	if (!r)
		r = rep_slab_start(rep, err, err_len);
	return r;
}

/* Drained, verified, and block for block as it was booted. */
static bool prove_whole(struct rep *rep, const char *when)
{
	const struct page_ops *ops = rep->binding->ops;
	const bool merged = !rep->params->machine.state[0];
	struct free_state now;
	const char *broken;
	bool same = false;
	char err[160];

	if (ops->drain)
		ops->drain(rep->engine, &rep->ctx);
	broken = ops->verify ? ops->verify(rep->engine) : NULL;
	if (broken) {
		snprintf(rep->verified, sizeof(rep->verified), "%.160s (%s)",
			 broken, when);
		rep_judge(rep, VERDICT_FAILED, "verify %s: %.160s", when,
			  broken);
		return false;
	}
	if (ops->features & PAGE_F_FLOOR)
		return true;
	if (free_state_take(&now, rep->machine))
		snprintf(err, sizeof(err), "a free list does not end");
	else
		same = free_state_same(&rep->boot_state, &now, merged, err,
				       sizeof(err));
	free_state_drop(&now);
	if (!same)
		rep_judge(rep, VERDICT_VOID, "drain %s: %s", when, err);
	return same;
}

static void audit(struct rep *rep)
{
	const uint64_t share = rep->machine->managed / 1024 + 16;
	const struct audit_request rq = {
		.gfp = rep->params->workload.gfp,
		.want = (unsigned)(share < AUDIT_BLOCKS ? share : AUDIT_BLOCKS),
		.total = AUDIT_BLOCKS,
		.seed = rep->params->workload.seed,
	};
	char err[160];

	if ((rep->binding->ops->features & PAGE_F_FLOOR) || !rep->drained)
		return;
	if (audit_blocks(&rep->ctx, &rq, &rep->audit_blocks, err,
			 sizeof(err))) {
		rep_judge(rep, VERDICT_FAILED, "audit: %s", err);
		return;
	}
	rep->drained = prove_whole(rep, "after the audit");
}

static void prove_placed(struct rep *rep, const char *what,
			 const struct arena_tally *pages)
{
	if (pages->on_node < pages->checked)
		rep_judge(rep, VERDICT_VOID, "%u of %u %s on their node",
			  pages->on_node, pages->checked, what);
}

static void prove_placement(struct rep *rep)
{
	uint64_t looks = 0, hits = 0;
	int r;

	rep->affinity = true;
	for (unsigned i = 0; i < rep->team.nr; i++) {
		const struct rep_thread *t = &rep->thread[i];

		looks += t->samples_total;
		hits += t->samples_on_cpu;
		rep->events_dropped += t->events.dropped;
		if (!t->affinity_kept || t->samples_on_cpu < t->samples_total)
			rep_judge(rep, VERDICT_VOID,
				  "worker %u did not stay on CPU %u", i,
				  rep->host->os_cpu[t->cpu]);
		rep->affinity &= t->affinity_kept;
	}
	rep->residency = looks ? (double)hits / (double)looks : -1;
	if (!looks)
		rep_judge(rep, VERDICT_VOID, "nobody saw where workers ran");
	if (rep->events_dropped)
		rep_judge(rep, VERDICT_VOID,
			  "%llu events dropped; expected a larger events=",
			  (unsigned long long)rep->events_dropped);
	if (rep->samples.missed)
		rep_judge(rep, VERDICT_VOID, "samples of free lists dropped");
	r = arena_query(&rep->arena, rep->machine, FRAMES_TO_QUERY,
			&rep->frames, &rep->descriptors);
	if (r)
		rep_judge(rep, VERDICT_VOID, "move_pages: %s", strerror(-r));
	prove_placed(rep, "frames", &rep->frames);
	prove_placed(rep, "pages of descriptors", &rep->descriptors);
	r = rep_huge_frames(rep) ? arena_mapped(&rep->arena, &rep->mapped) : 0;
	if (r)
		rep_judge(rep, VERDICT_VOID, "/proc/self/smaps: %s",
			  strerror(-r));
}

/* What the engine held at most, against what it says of itself; drained, so
 * that none of its threads records any more. */
static void prove_limbo(struct rep *rep)
{
	const struct page_ops *ops = rep->binding->ops;
	struct zone_held *sum = &rep->held_at_end;

	rep->engine->node_events = NULL;
	for (unsigned i = 0; i < rep_nr_node_rings(rep); i++)
		rep->events_dropped += rep->node_events[i].dropped;
	for (unsigned i = 0; ops->held && i < rep->machine->nr_zones; i++) {
		const struct zone *zone = &rep->machine->zone[i];
		struct zone_held held;

		if (!zone_managed(zone))
			continue;
		ops->held(rep->engine, zone, &held);
		if (held.limbo_max > held.limbo_limit)
			rep_judge(rep, VERDICT_FAILED,
				  "zone %s: %llu pages in limbo, limit %llu",
				  zone->name,
				  (unsigned long long)held.limbo_max,
				  (unsigned long long)held.limbo_limit);
		sum->limbo_max += held.limbo_max;
		sum->limbo_limit += held.limbo_limit;
		sum->grace_periods += held.grace_periods;
		sum->merged_blocks += held.merged_blocks;
	}
}

static void collect_noise(struct rep *rep)
{
	const struct phase_window *w = &rep->window[PHASE_RATE];
	struct noise *n = &rep->noise;
	uint64_t hiccup = 0;

	*n = (struct noise){
		.psi_cpu_some_us =
			w->after.psi_cpu_some_us - w->before.psi_cpu_some_us,
		.steal_ticks = w->after.steal_ticks - w->before.steal_ticks,
		.has_psi = w->before.has_psi,
		.has_steal = w->before.has_steal,
	};
	for (unsigned i = 0; i < rep->team.nr; i++) {
		const struct rep_thread *t = &rep->thread[i];

		n->invol_switches += t->phase[PHASE_RATE].invol_switches;
		hiccup = t->hiccup_ticks > hiccup ? t->hiccup_ticks : hiccup;
	}
	n->hiccup_max_ns = clock_ns(&rep->clock, hiccup);
	rep->noisy = noise_reason(
		n, (uint64_t)clock_ns(&rep->clock, w->end - w->open),
		rep->team.nr);
}

static void measure(struct rep *rep)
{
	struct rusage u;

	if (rep_team_run(rep))
		return;
	rep->peak_rss_kib =
		getrusage(RUSAGE_SELF, &u) ? 0 : (uint64_t)u.ru_maxrss;
	collect_noise(rep);
	rep_slab_finish(rep);
	rep_reclaim_stop(rep);
	rep->drained = prove_whole(rep, "after the run");
	prove_limbo(rep);
	prove_placement(rep);
	audit(rep);
}

/* One line to the runner: a word of the status file, a reason. */
static void tell(const struct rep *rep, const char *word)
{
	static const char *const words[] = {
		[VERDICT_OK] = "ok",
		[VERDICT_VOID] = "void",
		[VERDICT_FAILED] = "failed",
		[VERDICT_OOM] = "oom",
	};

	dprintf(3, "%s%s %s\n",
		rep->verdict == VERDICT_OK && rep->noisy ? "noisy " : "",
		word ? word : words[rep->verdict],
		rep->verdict == VERDICT_OK && rep->noisy ? rep->noisy
							 : rep->why);
}

static void take_apart(struct rep *rep)
{
	rep_team_drop(rep);
	if (rep->abandoned)
		return;
	reclaim_destroy(rep->reclaim);
	if (rep->engine) {
		page_ctx_exit(&rep->ctx);
		rep->binding->ops->destroy(rep->engine);
	}
	if (rep->machine)
		machine_destroy(rep->machine);
	arena_unmap(&rep->arena);
	free_state_drop(&rep->boot_state);
	for (unsigned i = 0; i < rep_nr_node_rings(rep); i++)
		free(rep->node_events[i].slot);
	free(rep->node_events);
	free(rep->counters);
	free(rep->params);
	free(rep->desc);
	free(rep->place);
	free(rep->host);
	json_decref(rep->params_json);
	json_decref(rep->slab_json);
	free(rep);
}

/* A slab workload's engine is a slab engine, on the page engine pages=. */
static void find_bindings(struct rep *rep)
{
	const struct job_params *p = rep->params;
	const struct workload *w = binding_workload_find(p->workload_name);

	if (w && (w->uses & USES_SLAB)) {
		rep->slab_binding = slab_binding_find(p->engine);
		rep->binding = page_binding_find(p->pages);
		if (rep->slab_binding)
			rep->bound = slab_binding_workload(rep->slab_binding,
							   p->workload_name);
		return;
	}
	rep->binding = page_binding_find(p->engine);
	if (rep->binding)
		rep->bound =
			page_binding_workload(rep->binding, p->workload_name);
}

static int prepare_params(struct rep *rep, const struct run_file *rf,
			  unsigned cell, char *err, size_t err_len)
{
	int r;

	rep->params = malloc(sizeof(*rep->params));
	rep->desc = malloc(sizeof(*rep->desc));
	rep->place = malloc(sizeof(*rep->place));
	rep->host = malloc(sizeof(*rep->host));
	if (!rep->params || !rep->desc || !rep->place || !rep->host) {
		snprintf(err, err_len, "out of memory");
		return -ENOMEM;
	}
	r = plan_cell_params(&rf->plan, &rf->job, cell, rep->params, err,
			     err_len);
	if (!r)
		r = cpuset_apply(rep->params->cpu_set, rf->host, rep->host, err,
				 err_len);
	if (r)
		return r;
	rep->params_json = run_file_params(rf, cell);
	if (!rep->params_json) {
		snprintf(err, err_len, "out of memory");
		return -ENOMEM;
	}
	rep->params->workload.seed =
		rng_seed(rf->seed, (uint64_t)cell << 32 | rep->index) | 1;
	find_bindings(rep);
	if (rep->binding && rep->bound)
		return 0;
	snprintf(err, err_len, "engine or workload is not in this build");
	return -EINVAL;
}

/* The malloc of malloc:..., before anything is measured in this process. */
static int load_library(const struct rep *rep, char *err, size_t err_len)
{
	const struct slab_ops *ops =
		rep->slab_binding ? rep->slab_binding->ops : NULL;
	char why[COMMAND_ERR_MAX];
	int r;

	if (!ops || !ops->soname)
		return 0;
	r = preload_ensure(ops->soname, ops->package, rep->args, why,
			   sizeof(why));
	if (r)
		snprintf(err, err_len, "engine %s: %.200s", ops->name, why);
	return r;
}

static void rep_run(struct rep *rep, const struct run_file *rf, unsigned cell)
{
	char err[COMMAND_ERR_MAX];
	int r = prepare_params(rep, rf, cell, err, sizeof(err));

	if (!r)
		r = load_library(rep, err, sizeof(err));
	if (!r)
		r = set_up(rep, err, sizeof(err));
	if (r)
		rep_judge(rep, r == -ENOMEM ? VERDICT_OOM : VERDICT_FAILED,
			  "%.200s", err);
	else
		measure(rep);
	if (rep->verdict != VERDICT_OK) {
		fprintf(stderr, "zonebench: %s\n", rep->why);
		tell(rep, NULL);
		return;
	}
	r = rep_write(rep, err, sizeof(err));
	if (r == -ENOSPC || r == -EDQUOT) {
		snprintf(rep->why, sizeof(rep->why), "%.200s", err);
		rep->noisy = NULL;
		tell(rep, "nospace");
		return;
	}
	if (r)
		rep_judge(rep, VERDICT_FAILED, "%.200s", err);
	tell(rep, NULL);
}

static int parse_number(const char *text, uint64_t max, uint64_t *out)
{
	return scan_uint(text, out) || *out > max ? -EINVAL : 0;
}

/* The descriptors of a profiler, where there is one. */
static int parse_gate(int argc, char **argv, struct rep_gate *gate)
{
	uint64_t command, answer;

	*gate = (struct rep_gate){ -1, -1 };
	if (argc == 6)
		return 0;
	if (argc != 8 || parse_number(argv[6], INT_MAX, &command) ||
	    parse_number(argv[7], INT_MAX, &answer))
		return -EINVAL;
	*gate = (struct rep_gate){ (int)command, (int)answer };
	return 0;
}

static int run_rep(int argc, char **argv, char *err, size_t err_len)
{
	uint64_t cell, index, attempt;
	struct rep_gate profiler;
	struct run_file rf;
	struct rep *rep;
	int status = EXIT_FAILED;

	if (argc < 6 || parse_gate(argc, argv, &profiler) ||
	    parse_number(argv[2], PLAN_CELLS_MAX, &cell) ||
	    parse_number(argv[3], 99, &index) ||
	    parse_number(argv[4], 99, &attempt)) {
		snprintf(err, err_len, "rep is for the runner's own use");
		return EXIT_USAGE;
	}
	rep = aligned_alloc(CACHELINE_SIZE, sizeof(*rep));
	if (!rep) {
		snprintf(err, err_len, "out of memory");
		return EXIT_FAILED;
	}
	memset(rep, 0, sizeof(*rep));
	rep->args = argv;
	if (!run_file_load(&rf, argv[1], (int)cell, err, err_len)) {
		rep->run_id = rf.id;
		rep->cell_id = rf.plan.cell[cell].id;
		rep->index = (unsigned)index;
		rep->attempt = (unsigned)attempt;
		rep->profiler = profiler;
		rep->dir = argv[5];
		rep_run(rep, &rf, (unsigned)cell);
		status = EXIT_OK;
	}
	take_apart(rep);
	run_file_drop(&rf);
	return status;
}

static struct command rep_command = {
	.name = "rep",
	.usage = "RUNDIR CELL REP ATTEMPT DIR",
	.summary = "one repetition, for the runner's own use",
	.hidden = true,
	.run = run_rep,
};
COMMAND(rep_command);
