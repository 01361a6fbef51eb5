/*
 * Writes an HdrHistogram log of known values with the reference library; that
 * is where harness/tests/data/java.hlog comes from:
 *
 *   java -cp /usr/share/java/hdrhistogram.jar WriteHlog.java FILE
 */
import java.io.PrintStream;
import org.HdrHistogram.Histogram;
import org.HdrHistogram.HistogramLogWriter;

public class WriteHlog {
	/* Values 1 .. 100000 once each under alloc; 7^k under free. */
	public static void main(String[] args) throws Exception
	{
		PrintStream out = new PrintStream(args[0]);
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
}
