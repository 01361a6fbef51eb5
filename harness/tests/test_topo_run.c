/* `zonebench topo run=DIR`: which CPUs a run's threads had. */
#include "harness/topo_run.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "harness/tests/run_folder.h"

static const struct folder_cell cells[] = {
	{ "c1", "pcp", "pair", "host", 2, 0, NULL, NULL, NULL, 20 },
	{ "c2", "pcp", "bulk", "host", 1, 0, NULL, NULL, NULL, 30 },
	{ "c3", "pcp", "pair", "mem=4096M cpus=4", 1, 0, "cpus", "4",
	  "synthetic", 20 },
};

/* Two nodes; the second one's CPUs are threads of one core. */
static const char env[] =
	"{\"schema\":1,\"numa\":["
	"{\"node\":0,\"cpus\":[0,4],\"cores\":[0,1],\"distance\":[10,21],"
	"\"bytes\":1073741824},"
	"{\"node\":1,\"cpus\":[7,9],\"cores\":[2,2],\"distance\":[21,10],"
	"\"bytes\":2147483648}]}";

static void threads_had(const char *dir, const struct folder_cell *c, int rep,
			const char *threads)
{
	json_t *result = folder_result(c, rep);
	json_error_t e;
	json_t *list = json_loads(threads, 0, &e);
	char *text;

	cr_assert(list, "%s", e.text);
	json_object_set_new(result, "threads_detail", list);
	text = json_dumps(result, 0);
	folder_set(dir, c->id, rep, "result.json", text);
	free(text);
	json_decref(result);
}

static void make(char dir[64])
{
	folder_make(dir, cells, ARRAY_SIZE(cells));
	folder_write(dir, "env.json", env);
	for (int rep = 0; rep < FOLDER_REPS; rep++) {
		threads_had(dir, &cells[0], rep,
			    "[{\"cpu\":0,\"model_cpu\":0},"
			    "{\"cpu\":9,\"model_cpu\":3}]");
		threads_had(dir, &cells[1], rep,
			    rep ? "[{\"cpu\":7,\"model_cpu\":2}]"
				: "[{\"cpu\":4,\"model_cpu\":1}]");
		threads_had(dir, &cells[2], rep,
			    "[{\"cpu\":1,\"model_cpu\":3}]");
	}
}

static const struct topo_use *find(const struct topo_uses *u, unsigned cpu,
				   const char *workload)
{
	for (unsigned i = 0; i < u->nr; i++)
		if (u->use[i].cpu == cpu &&
		    !strcmp(u->use[i].workload, workload))
			return &u->use[i];
	return NULL;
}

Test(topo_run, the_host_of_the_run)
{
	struct machine_desc *d = malloc(sizeof(*d));
	const struct topo_use *use;
	struct topo_uses u;
	char dir[64], err[512];

	make(dir);
	cr_assert_eq(topo_run_load(dir, NULL, d, &u, err, sizeof(err)), 0, "%s",
		     err);
	cr_assert_eq(d->topo.nr_nodes, 2);
	cr_assert_eq(d->topo.nr_cpus, 4);
	cr_assert_eq(d->topo.distance[0][1], 21);
	cr_assert_eq(d->topo.os_cpu[2], 7);
	cr_assert_eq(d->topo.node_of_cpu[3], 1);
	cr_assert_eq(d->topo.smt_of_cpu[2], 0);
	cr_assert_eq(d->topo.smt_of_cpu[3], 1);
	cr_assert_not(d->topo.synthetic);
	/* pair: CPUs 0 and 9 thrice; bulk: 4 once, 7 twice */
	cr_assert_eq(u.nr, 4);
	use = find(&u, 3, "pair");
	cr_assert(use && use->thread == 1 && use->reps == 3 &&
		  use->real_cpu == 9);
	use = find(&u, 1, "bulk");
	cr_assert(use && use->reps == 1 && use->real_cpu == 4);
	use = find(&u, 2, "bulk");
	cr_assert(use && use->reps == 2);
	topo_uses_drop(&u);
	folder_remove(dir);
	free(d);
}

Test(topo_run, one_cell)
{
	struct machine_desc *d = malloc(sizeof(*d));
	struct topo_uses u;
	char dir[64], err[512];

	make(dir);
	cr_assert_eq(topo_run_load(dir, "c2", d, &u, err, sizeof(err)), 0, "%s",
		     err);
	cr_assert_eq(u.nr, 2);
	topo_uses_drop(&u);
	/* the modelled machine, by the CPU that the model gave */
	cr_assert_eq(topo_run_load(dir, "c3", d, &u, err, sizeof(err)), 0, "%s",
		     err);
	cr_assert(d->topo.synthetic);
	cr_assert_eq(d->topo.nr_cpus, 4);
	cr_assert_eq(u.nr, 1);
	cr_assert(u.use[0].cpu == 3 && u.use[0].real_cpu == 1);
	topo_uses_drop(&u);
	cr_assert_lt(topo_run_load(dir, "c9", d, &u, err, sizeof(err)), 0);
	cr_assert(strstr(err, "c9"), "%s", err);
	topo_uses_drop(&u);
	folder_remove(dir);
	free(d);
}

Test(topo_run, what_is_not_a_host)
{
	static const char *const bad[] = {
		"{\"schema\":1}",
		"{\"schema\":1,\"numa\":[]}",
		"{\"schema\":1,\"numa\":7}",
		"{\"schema\":1,\"numa\":[{\"node\":0,\"cpus\":[]}]}",
	};
	struct machine_desc *d = malloc(sizeof(*d));
	struct topo_uses u;
	char dir[64], err[512];

	make(dir);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		folder_write(dir, "env.json", bad[i]);
		cr_expect_lt(topo_run_load(dir, "c1", d, &u, err, sizeof(err)),
			     0, "%s", bad[i]);
		cr_expect(strstr(err, "env.json"), "%s", err);
		topo_uses_drop(&u);
	}
	folder_remove(dir);
	free(d);
}
