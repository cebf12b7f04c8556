import ArgumentParser

/// Which weights a command uses.
struct WeightsOptions: ParsableArguments {
  @Option(
    help:
      "A .safetensors or .pth file. Default: the trace's, or the bundled model's (bench: above).")
  var weights: String?

  @Option(
    name: .customLong("set"),
    help: ArgumentHelp(
      "A setting in place of the weight file's, such as norm_eps=0; maskrcnn inspect lists them.",
      valueName: "key=value"))
  var settings: [String] = []

  /// The settings that the command line gives, by their keys in a weight file's metadata.
  var overrides: [String: String] { Self.overrides(settings) }

  /// Settings by their keys, of `key=value`; the last one of a key holds.
  static func overrides(_ settings: [String]) -> [String: String] {
    Dictionary(settings.map(pair), uniquingKeysWith: { $1 })
  }

  func validate() throws {
    for setting in settings where !setting.contains("=") {
      throw ValidationError("--set \(setting) has no value; write --set key=value.")
    }
  }

  private static func pair(_ setting: String) -> (String, String) {
    let parts = setting.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    return (String(parts[0]), parts.count > 1 ? String(parts[1]) : "")
  }
}
