import java.net.InetAddress;
import java.net.UnknownHostException;

/** InetAddress, as any Java program has it: "NAME MILLISECONDS ADDRESS,..." a line. */
public class Resolve {
	public static void main(String[] names) {
		for (String name : names) {
			long begun = System.nanoTime();
			StringBuilder found = new StringBuilder();
			try {
				for (InetAddress one : InetAddress.getAllByName(name))
					found.append(found.length() > 0 ? "," : "").append(one.getHostAddress());
			} catch (UnknownHostException error) {
				found.append("error:noname");
			}
			System.out.printf("%s %.2f %s%n", name, (System.nanoTime() - begun) / 1e6, found);
		}
	}
}
