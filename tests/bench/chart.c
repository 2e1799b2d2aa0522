// SPDX-License-Identifier: Apache-2.0
//
// The figures as an SVG: one panel a case, one bar a runtime. Each panel has a scale of its own,
// because a burst of 32 containers and a `state` have nothing to compare. Colours follow the
// viewer's light or dark scheme.

#include "report.h"

enum {
	WIDTH = 760,
	MARGIN = 24,
	LABEL = 96,   // width of the names
	VALUES = 190, // width of the figures at the end of a bar
	ROW = 22,
	BAR = 14,
	TITLE = 30,
	HEADER = 64,
};

static const char style[] =
	"<style>"
	"text{font:13px system-ui,-apple-system,'Segoe UI',sans-serif;fill:#1f2328}"
	".h{font-size:17px;font-weight:600}.t{font-weight:600}.m{fill:#656d76;font-weight:400}"
	".floor{fill:#8c959f}.crun{fill:#d4883a}.runc{fill:#4f8fc9}.runlet{fill:#2da44e}"
	".axis{stroke:#8c959f;stroke-opacity:.4}"
	"@media(prefers-color-scheme:dark){text{fill:#e6edf3}.m{fill:#9198a1}.floor{fill:#7d8590}"
	".crun{fill:#e09b53}.runc{fill:#6cb0f0}.runlet{fill:#3fb950}}"
	"</style>\n";

static const char *class_of(const struct cases_runtime *r)
{
	static const char *const classes[] = {
		[CASES_FLOOR] = "floor",
		[CASES_CRUN] = "crun",
		[CASES_RUNC] = "runc",
		[CASES_RUNLET] = "runlet",
	};

	return classes[r->kind];
}

static unsigned rows_of(const struct report *r, size_t which)
{
	unsigned rows = 0;

	for (size_t i = 0; i < r->runtime_count; i++)
		rows += r->figures[which][i].count > 0;
	return rows;
}

static double longest_of(const struct report *r, size_t which)
{
	double longest = 0;

	for (size_t i = 0; i < r->runtime_count; i++)
		if (r->figures[which][i].median > longest)
			longest = r->figures[which][i].median;
	return longest;
}

// A bar is as long as the median.
static void draw_bar(const struct report *r, size_t which, size_t i, double longest, unsigned y,
		     FILE *out)
{
	const struct report_figures *f = &r->figures[which][i];
	const struct cases_case *c = &cases_all[which];
	int crun = report_find(r, CASES_CRUN);
	double room = WIDTH - 2 * MARGIN - LABEL - VALUES;
	double length = f->median / longest * room;

	fprintf(out, "<text x=\"%d\" y=\"%u\" text-anchor=\"end\">%s</text>", MARGIN + LABEL - 10,
		y + 12, r->runtimes[i].name);
	fprintf(out, "<rect class=\"%s\" x=\"%d\" y=\"%u\" width=\"%.1f\" height=\"%d\" rx=\"2\"/>",
		class_of(&r->runtimes[i]), MARGIN + LABEL, y + 1, length, BAR);
	fprintf(out, "<text x=\"%.1f\" y=\"%u\">%.*f %s", MARGIN + LABEL + length + 8, y + 12,
		f->median < 100 ? 2 : 0, f->median, c->unit);
	if (crun >= 0 && (size_t)crun != i && r->figures[which][crun].count > 0)
		fprintf(out, "<tspan class=\"m\" dx=\"8\">(%.2f × crun)</tspan>",
			f->median / r->figures[which][crun].median);
	fprintf(out, "</text>\n");
}

static unsigned draw_panel(const struct report *r, size_t which, unsigned y, FILE *out)
{
	const struct cases_case *c = &cases_all[which];
	unsigned rows = rows_of(r, which);
	double longest = longest_of(r, which);

	fprintf(out, "<text class=\"t\" x=\"%d\" y=\"%u\">%s", MARGIN, y + 16, c->title);
	fprintf(out, "<tspan class=\"m\" dx=\"10\">%s is better</tspan></text>\n",
		c->more_is_better ? "longer" : "shorter");
	y += TITLE;
	fprintf(out, "<line class=\"axis\" x1=\"%d\" y1=\"%u\" x2=\"%d\" y2=\"%u\"/>\n",
		MARGIN + LABEL, y - 2, MARGIN + LABEL, y + rows * ROW);
	for (size_t i = 0; i < r->runtime_count; i++) {
		if (r->figures[which][i].count == 0)
			continue;
		draw_bar(r, which, i, longest, y, out);
		y += ROW;
	}
	return y + 12;
}

void report_chart(const struct report *r, FILE *out)
{
	unsigned height = HEADER + MARGIN, y = HEADER;

	for (size_t c = 0; c < cases_count; c++)
		if (rows_of(r, c) > 0)
			height += TITLE + rows_of(r, c) * ROW + 12;
	fprintf(out,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %u\" width=\"%d\" "
		"height=\"%u\" role=\"img\">\n<title>Container runtimes compared</title>\n%s",
		WIDTH, height, WIDTH, height, style);
	fprintf(out, "<text class=\"h\" x=\"%d\" y=\"32\">Container runtimes, one session</text>\n",
		MARGIN);
	fprintf(out, "<text class=\"m\" x=\"%d\" y=\"51\">medians; interleaved runs</text>\n",
		MARGIN);
	for (size_t c = 0; c < cases_count; c++)
		if (rows_of(r, c) > 0)
			y = draw_panel(r, c, y, out);
	fprintf(out, "</svg>\n");
}
