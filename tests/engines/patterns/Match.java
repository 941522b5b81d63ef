import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedOutputStream;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import software.amazon.event.ruler.JsonRuleCompiler;
import software.amazon.event.ruler.Machine;

/**
 * Which patterns AWS's event-ruler says an event matches.
 *
 * <p>A line of standard input is {"patterns": ...} with patterns by name, answered with an object of what is wrong with
 * each that is not valid, or {"event": ...}, answered with the list of those patterns that it matches. Each pattern is
 * in a machine of its own, as each rule is judged on its own. Must not decide anything by itself.
 */
final class Match {
  private static final ObjectMapper JSON = new ObjectMapper();

  private Match() {}

  public static void main(String[] arguments) throws Exception {
    var lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    var answers = new PrintStream(new BufferedOutputStream(System.out), false, StandardCharsets.UTF_8);
    Map<String, Machine> machines = new LinkedHashMap<>();
    String text;
    while ((text = lines.readLine()) != null) {
      var line = JSON.readTree(text);
      if (line.has("patterns")) {
        answers.println(JSON.writeValueAsString(compile(line.get("patterns"), machines)));
      } else {
        answers.println(JSON.writeValueAsString(matched(line.get("event").toString(), machines)));
      }
    }
    answers.flush();
  }

  private static Map<String, String> compile(JsonNode patterns, Map<String, Machine> machines) throws Exception {
    Map<String, String> invalid = new TreeMap<>();
    machines.clear();
    for (var names = patterns.fieldNames(); names.hasNext(); ) {
      var name = names.next();
      var pattern = patterns.get(name).toString();
      // What is wrong with it, or null.
      var problem = JsonRuleCompiler.check(pattern);
      if (problem == null) {
        var machine = Machine.builder().build();
        machine.addRule(name, pattern);
        machines.put(name, machine);
      } else {
        invalid.put(name, problem);
      }
    }
    return invalid;
  }

  private static List<String> matched(String event, Map<String, Machine> machines) throws Exception {
    List<String> matched = new ArrayList<>();
    for (var machine : machines.values()) {
      matched.addAll(machine.rulesForJSONEvent(event));
    }
    return matched;
  }
}
