/*
 * Writing the flame graph. See profile_flame.h.
 *
 * Every name is untrusted: it goes through flame_escape() into text nodes only,
 * and the script reads it back as text.
 */
#include "harness/profile_flame.h"

#include <string.h>

#define NR_SHADES 3

static const struct {
	const char *letter, *meaning;
	const char *shade[NR_SHADES];
	const char *ink;
} kinds[NR_FRAME_KINDS] = {
	[FRAME_GROUP] = { "g",
			  "threads",
			  { "#e2e2e2", "#e9e9e9", "#f0f0f0" },
			  "#000" },
	[FRAME_PROGRAM] = { "p",
			    "zonebench",
			    { "#e69f00", "#efb339", "#f5c566" },
			    "#000" },
	[FRAME_LIBRARY] = { "l",
			    "libraries",
			    { "#4db99a", "#66c5ab", "#80d0bb" },
			    "#000" },
	[FRAME_KERNEL] = { "k",
			   "kernel",
			   { "#0072b2", "#0067a0", "#005a8c" },
			   "#fff" },
	[FRAME_UNKNOWN] = { "u",
			    "unknown",
			    { "#a8a8a8", "#b4b4b4", "#c0c0c0" },
			    "#000" },
};

/* Positions in samples stand in data-b and data-t, rows in data-d. */
static const char script[] =
	"(function (MARGIN, SPAN, LEAST, GLYPH, HINT) {\n"
	"\"use strict\";\n"
	"var me = document.currentScript;\n"
	"var svg = me && me.ownerSVGElement || document.documentElement;\n"
	"var frames = [].slice.call(svg.querySelectorAll(\"g.f\"));\n"
	"var reset = svg.querySelector(\".reset\");\n"
	"var detail = svg.querySelector(\".detail\");\n"
	"var at = frames.map(function (g) {\n"
	"\tvar text = g.querySelector(\"title\").textContent.split(\"\\n\");\n"
	"\treturn { g: g, rect: g.querySelector(\"rect\"),\n"
	"\t\tlabel: g.querySelector(\"text\"), name: text[0],\n"
	"\t\tabout: text.join(\": \"), b: +g.getAttribute(\"data-b\"),\n"
	"\t\tt: +g.getAttribute(\"data-t\"), d: +g.getAttribute(\"data-d\") "
	"};\n"
	"});\n"
	"function place(f, x, w, faded) {\n"
	"\tvar n = Math.floor((w - 6) / GLYPH);\n"
	"\tf.g.style.display = w < LEAST ? \"none\" : \"\";\n"
	"\tf.g.style.opacity = faded ? 0.55 : 1;\n"
	"\tf.rect.setAttribute(\"x\", x.toFixed(2));\n"
	"\tf.rect.setAttribute(\"width\", w.toFixed(2));\n"
	"\tf.label.setAttribute(\"x\", (x + 3).toFixed(2));\n"
	"\tf.label.textContent = n < 3 ? \"\" : f.name.length <= n ?\n"
	"\t\tf.name : f.name.slice(0, n - 2) + \"..\";\n"
	"}\n"
	"function zoom(to) {\n"
	"\tat.forEach(function (f) {\n"
	"\t\tvar b = Math.max(f.b, to.b);\n"
	"\t\tvar e = Math.min(f.b + f.t, to.b + to.t);\n"
	"\t\tvar below = f.d < to.d;\n"
	"\t\tif (e <= b || below && (f.b > to.b || f.b + f.t < to.b + to.t))\n"
	"\t\t\te = b;\n"
	"\t\tplace(f, MARGIN + (b - to.b) * SPAN / to.t,\n"
	"\t\t\t(e - b) * SPAN / to.t, below);\n"
	"\t});\n"
	"\treset.style.display = to.d ? \"\" : \"none\";\n"
	"}\n"
	"function root() {\n"
	"\tzoom(at[0]);\n"
	"}\n"
	"at.forEach(function (f) {\n"
	"\tf.g.style.cursor = \"pointer\";\n"
	"\tf.g.addEventListener(\"click\", function () { zoom(f); });\n"
	"\tf.g.addEventListener(\"mouseover\", function () {\n"
	"\t\tdetail.textContent = f.about;\n"
	"\t});\n"
	"});\n"
	"reset.addEventListener(\"click\", root);\n"
	"svg.addEventListener(\"mouseleave\", function () {\n"
	"\tdetail.textContent = HINT;\n"
	"});\n"
	"document.addEventListener(\"keydown\", function (e) {\n"
	"\tif (e.key === \"Escape\")\n"
	"\t\troot();\n"
	"});\n"
	"detail.textContent = HINT;\n"
	"reset.style.display = \"none\";\n"
	"})";

static const char hint[] =
	"A click on a frame zooms in; Escape or a click on the lowest row "
	"shows all again.";

uint32_t flame_edge(const struct stack_tree *t, uint64_t before)
{
	const uint64_t total = t->node[STACK_ROOT].total;

	return total ? (uint32_t)((before * FLAME_SPAN_CPX + total / 2) / total)
		     : 0;
}

void flame_escape(FILE *out, const char *s, size_t len)
{
	for (size_t i = 0; i < len && s[i]; i++) {
		switch (s[i]) {
		case '&':
			fputs("&amp;", out);
			break;
		case '<':
			fputs("&lt;", out);
			break;
		case '>':
			fputs("&gt;", out);
			break;
		case '"':
			fputs("&quot;", out);
			break;
		case '\'':
			fputs("&#39;", out);
			break;
		default:
			fputc(s[i] >= ' ' && s[i] <= '~' ? s[i] : '?', out);
		}
	}
}

/* Frames of one name have one shade, everywhere. */
static unsigned shade_of(const char *name)
{
	uint32_t h = 2166136261u;

	while (*name)
		h = (h ^ (uint8_t)*name++) * 16777619u;
	return (h >> 16) % NR_SHADES;
}

static unsigned height_px(const struct stack_tree *t)
{
	return FLAME_TOP_PX + (t->depth + 1) * FLAME_ROW_PX + FLAME_BOTTOM_PX;
}

static void write_style(FILE *out)
{
	fputs("<style>\n"
	      "text { font-family: 'DejaVu Sans Mono', 'Liberation Mono', "
	      "monospace; font-size: 11px; fill: #000; }\n"
	      "text.title { font-family: 'DejaVu Sans', Arial, sans-serif; "
	      "font-size: 18px; font-weight: bold; }\n"
	      "text.sub { font-family: 'DejaVu Sans', Arial, sans-serif; "
	      "font-size: 12px; fill: #333; }\n"
	      "text.reset { font-family: 'DejaVu Sans', Arial, sans-serif; "
	      "font-size: 12px; fill: #0072b2; cursor: pointer; "
	      "text-decoration: underline; }\n"
	      "g.f text { pointer-events: none; }\n"
	      "g.f rect, rect.key { stroke: #fff; stroke-width: 0.6; }\n"
	      "g.f:hover rect { stroke: #000; stroke-width: 1.2; }\n",
	      out);
	for (unsigned k = 0; k < NR_FRAME_KINDS; k++) {
		for (unsigned s = 0; s < NR_SHADES; s++)
			fprintf(out, ".%s%u { fill: %s; } ", kinds[k].letter, s,
				kinds[k].shade[s]);
		fprintf(out, "text.%s { fill: %s; }\n", kinds[k].letter,
			kinds[k].ink);
	}
	fputs("</style>\n", out);
}

static void write_text(FILE *out, const char *class, unsigned y, const char *s)
{
	fprintf(out, "<text class=\"%s\" x=\"%u\" y=\"%u\">", class,
		FLAME_MARGIN_PX, y);
	flame_escape(out, s, strlen(s));
	fputs("</text>\n", out);
}

static void write_legend(FILE *out)
{
	unsigned x = FLAME_WIDTH_PX - FLAME_MARGIN_PX;

	for (unsigned k = NR_FRAME_KINDS; --k > FRAME_GROUP;) {
		x -= 34 + 8 * (unsigned)strlen(kinds[k].meaning);
		fprintf(out,
			"<rect class=\"key %s0\" x=\"%u\" y=\"36\" "
			"width=\"14\" height=\"12\"/>"
			"<text class=\"sub\" x=\"%u\" y=\"46\">%s</text>\n",
			kinds[k].letter, x, x + 19, kinds[k].meaning);
	}
}

static void write_head(FILE *out, const struct stack_tree *t,
		       const struct flame_text *text)
{
	const unsigned h = height_px(t);

	fprintf(out,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%u\" "
		"height=\"%u\" viewBox=\"0 0 %u %u\" role=\"img\">\n<title>",
		FLAME_WIDTH_PX, h, FLAME_WIDTH_PX, h);
	flame_escape(out, text->title, strlen(text->title));
	fputs("</title>\n", out);
	write_style(out);
	fprintf(out, "<rect width=\"%u\" height=\"%u\" fill=\"#fff\"/>\n",
		FLAME_WIDTH_PX, h);
	write_text(out, "title", 27, text->title);
	for (unsigned i = 0; i < FLAME_SUBTITLES; i++)
		if (text->subtitle[i])
			write_text(out, "sub", 46 + 16 * i, text->subtitle[i]);
	write_legend(out);
}

static void write_frame(FILE *out, const struct stack_tree *t, uint32_t node)
{
	const struct stack_node *n = &t->node[node];
	const uint32_t left = flame_edge(t, n->before);
	const uint32_t width = flame_edge(t, n->before + n->total) - left;
	const double all = (double)t->node[STACK_ROOT].total;
	const char *name = stack_name(t, node), *letter = kinds[n->kind].letter;
	const unsigned y = FLAME_TOP_PX + (t->depth - n->depth) * FLAME_ROW_PX;
	const uint32_t x = left + FLAME_MARGIN_PX * 100;
	size_t len = strlen(name), fits;

	fits = width < 600 ? 0 : (width - 600) / FLAME_GLYPH_CPX;
	fprintf(out,
		"<g class=\"f\" data-b=\"%llu\" data-t=\"%llu\" data-d=\"%u\">"
		"<title>",
		(unsigned long long)n->before, (unsigned long long)n->total,
		n->depth);
	flame_escape(out, name, len);
	fprintf(out, "\n%llu samples, %.2f %%; itself %llu, %.2f %%</title>",
		(unsigned long long)n->total, 100 * (double)n->total / all,
		(unsigned long long)n->self, 100 * (double)n->self / all);
	fprintf(out,
		"<rect class=\"%s%u\" x=\"%u.%02u\" y=\"%u\" width=\"%u.%02u\" "
		"height=\"%u\"/>",
		letter, shade_of(name), x / 100, x % 100, y, width / 100,
		width % 100, FLAME_ROW_PX - 1);
	fprintf(out, "<text class=\"%s\" x=\"%u.%02u\" y=\"%u\">", letter,
		(x + 300) / 100, (x + 300) % 100, y + 13);
	if (fits >= 3 && len <= fits) {
		flame_escape(out, name, len);
	} else if (fits >= 3) {
		flame_escape(out, name, fits - 2);
		fputs("..", out);
	}
	fputs("</text></g>\n", out);
}

void flame_write(FILE *out, const struct stack_tree *t,
		 const struct flame_text *text)
{
	write_head(out, t, text);
	for (uint32_t i = STACK_ROOT; i != STACK_NONE && t->node[i].total;
	     i = stack_following(t, i)) {
		const struct stack_node *n = &t->node[i];

		if (flame_edge(t, n->before + n->total) -
			    flame_edge(t, n->before) >=
		    FLAME_LEAST_CPX)
			write_frame(out, t, i);
	}
	fprintf(out,
		"<text class=\"detail\" x=\"%u\" y=\"%u\"/>\n"
		"<text class=\"reset\" x=\"%u\" y=\"27\" text-anchor=\"end\" "
		"style=\"display: none\">show all</text>\n"
		"<script><![CDATA[\n"
		"%s(%u, %.2f, %.2f, %.2f, \"%s\");\n"
		"]]></script>\n</svg>\n",
		FLAME_MARGIN_PX, height_px(t) - 12,
		FLAME_WIDTH_PX - FLAME_MARGIN_PX, script, FLAME_MARGIN_PX,
		FLAME_SPAN_CPX / 100.0, FLAME_LEAST_CPX / 100.0,
		FLAME_GLYPH_CPX / 100.0, hint);
}
