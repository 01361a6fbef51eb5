/*
 * Reads HdrHistogram logs with the reference implementation and prints, for
 * each tag, what it makes of them:
 *
 *   java -cp /usr/share/java/hdrhistogram.jar HlogPercentiles.java FILE...
 *   FILE <tab> TAG <tab> COUNT <tab> P50 <tab> P90 <tab> P99 <tab> P99.9
 *        <tab> P99.99 <tab> MAX
 *
 * With --write FILE it makes a log of known values by the same library; that
 * is where harness/tests/data/java.hlog comes from.
 */
import java.io.File;
import java.io.PrintStream;
import java.util.TreeMap;
import org.HdrHistogram.EncodableHistogram;
import org.HdrHistogram.Histogram;
import org.HdrHistogram.HistogramLogReader;
import org.HdrHistogram.HistogramLogWriter;

public class HlogPercentiles {
	private static final double[] PERCENT = { 50, 90, 99, 99.9, 99.99 };

	private static void print(String name, String tag, Histogram h)
	{
		StringBuilder line = new StringBuilder();

		line.append(name).append('\t').append(tag);
		line.append('\t').append(h.getTotalCount());
		for (double p : PERCENT)
			line.append('\t').append(h.getValueAtPercentile(p));
		line.append('\t').append(h.getMaxValue());
		System.out.println(line);
	}

	private static void read(String name) throws Exception
	{
		HistogramLogReader reader =
			new HistogramLogReader(new File(name));
		TreeMap<String, Histogram> sum = new TreeMap<>();
		EncodableHistogram next;

		while ((next = reader.nextIntervalHistogram()) != null) {
			String tag = next.getTag() == null ? "" : next.getTag();
			Histogram h = (Histogram)next;

			if (sum.containsKey(tag))
				sum.get(tag).add(h);
			else
				sum.put(tag, h);
		}
		if (sum.isEmpty())
			throw new Exception(name + ": no histogram");
		for (String tag : sum.keySet())
			print(name, tag, sum.get(tag));
	}

	/* Values 1 .. 100000 once each under alloc; 7^k under free. */
	private static void write(String name) throws Exception
	{
		PrintStream out = new PrintStream(name);
		HistogramLogWriter writer = new HistogramLogWriter(out);
		Histogram alloc = new Histogram(3600000000000L, 3);
		Histogram free = new Histogram(3600000000000L, 3);

		for (long v = 1; v <= 100000; v++)
			alloc.recordValue(v);
		for (long v = 1; v < 1000000000L; v *= 7)
			free.recordValueWithCount(v, v % 5 + 1);
		alloc.setTag("alloc");
		free.setTag("free");
		writer.outputLogFormatVersion();
		writer.outputStartTime(1700000000000L);
		writer.outputLegend();
		writer.outputIntervalHistogram(0.0, 1.0, alloc, 1.0);
		writer.outputIntervalHistogram(0.0, 1.0, free, 1.0);
		out.close();
	}

	public static void main(String[] args) throws Exception
	{
		if (args.length == 2 && args[0].equals("--write")) {
			write(args[1]);
			return;
		}
		for (String name : args)
			read(name);
	}
}
