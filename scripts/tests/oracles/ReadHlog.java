/*
 * Reads HdrHistogram logs with the reference implementation and prints one
 * line for each histogram: file, tag, count, highest value, mean, then the
 * percentiles of the command line.
 *
 *   java -cp hdrhistogram.jar ReadHlog.java 50,90,99 FILE...
 */
import java.io.File;
import java.util.Locale;
import org.HdrHistogram.EncodableHistogram;
import org.HdrHistogram.Histogram;
import org.HdrHistogram.HistogramLogReader;

public class ReadHlog {
	public static void main(String[] args) throws Exception {
		String[] percentiles = args[0].split(",");

		for (int i = 1; i < args.length; i++) {
			HistogramLogReader log = new HistogramLogReader(new File(args[i]));
			EncodableHistogram next;

			while ((next = log.nextIntervalHistogram()) != null) {
				Histogram h = (Histogram) next;
				StringBuilder line = new StringBuilder();

				line.append(args[i]).append('\t').append(h.getTag());
				line.append('\t').append(h.getTotalCount());
				line.append('\t').append(h.getMaxValue());
				line.append('\t').append(String.format(Locale.ROOT, "%.6f", h.getMean()));
				for (String p : percentiles)
					line.append('\t').append(h.getValueAtPercentile(Double.parseDouble(p)));
				System.out.println(line);
			}
		}
	}
}
