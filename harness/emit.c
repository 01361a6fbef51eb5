/*
 * The files that a run ends with (see emit.h). All of them are complete under
 * temporary names before the first is renamed, so that a full disk leaves the
 * old set.
 */
#include "harness/emit.h"

#include <errno.h>

#include "harness/outfile.h"
#include "harness/summary.h"

enum { OUT_SAMPLES, OUT_FAILED, OUT_STATS, OUT_GBENCH, OUT_SUMMARY, NR_OUT };

static const char *const out_names[NR_OUT] = {
	[OUT_SAMPLES] = "samples.csv", [OUT_FAILED] = "failed.csv",
	[OUT_STATS] = "summary.csv",   [OUT_GBENCH] = "gbench.json",
	[OUT_SUMMARY] = "summary.txt",
};

static int write_one(int which, FILE *f, const struct run_data *run)
{
	switch (which) {
	case OUT_SAMPLES:
		emit_samples(f, run);
		return 0;
	case OUT_FAILED:
		emit_failed(f, run);
		return 0;
	case OUT_STATS:
		emit_stats(f, run);
		return 0;
	case OUT_GBENCH:
		return emit_gbench(f, run);
	case OUT_SUMMARY:
		return summary_text(f, run);
	}
	return -EINVAL;
}

static int write_all(struct outfile *out, const struct run_data *run, char *err,
		     size_t err_len)
{
	int rc;

	for (int i = 0; i < NR_OUT; i++) {
		rc = outfile_open(&out[i], run->dir, out_names[i], err,
				  err_len);
		if (rc)
			return rc;
		rc = write_one(i, out[i].f, run);
		if (rc) {
			snprintf(err, err_len, "%s: out of memory",
				 out[i].path);
			return rc;
		}
		rc = outfile_finish(&out[i], err, err_len);
		if (rc)
			return rc;
	}
	return 0;
}

int emit_run(const char *dir, char *err, size_t err_len)
{
	struct outfile out[NR_OUT] = { 0 };
	struct run_data *run;
	int rc = run_data_load(&run, dir, err, err_len);

	if (rc)
		return rc;
	rc = write_all(out, run, err, err_len);
	for (int i = 0; i < NR_OUT && !rc; i++)
		rc = outfile_rename(&out[i], err, err_len);
	for (int i = 0; i < NR_OUT; i++)
		outfile_drop(&out[i]);
	run_data_free(run);
	return rc;
}
