import ArgumentParser

/// Which weights a command uses.
struct WeightsOptions: ParsableArguments {
  @Option(
    help:
      "A .safetensors or .pth file. Default: the trace's, or the bundled model's (bench: above).")
  var weights: String?
  @OptionGroup var settings: SettingsOptions

  /// The settings that the command line gives, by their keys in a weight file's metadata.
  var overrides: [String: String] { settings.overrides }
}

/// Settings in place of a weight file's.
struct SettingsOptions: ParsableArguments {
  @Option(
    name: .customLong("set"),
    help: ArgumentHelp(
      "A setting of the network, such as norm_eps=0; maskrcnn inspect lists them.",
      valueName: "key=value"))
  var settings: [String] = []

  /// The settings by their keys in a weight file's metadata; the last one of a key holds.
  var overrides: [String: String] {
    Dictionary(settings.map(Self.pair), uniquingKeysWith: { $1 })
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
