import ArgumentParser
import Foundation
import Model
import Figures
import Tensors
import Tracing
import WeightFiles

/// `maskrcnn inspect`: describes a file or a trace.
struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Tell what a weight file, an .npy file, an image or a trace holds.")

  @Argument(help: "A file or a trace's folder.") var path: String
  @Flag(
    help: "Of weights or a trace: how each layer's numbers are distributed, and its dead units.")
  var statistics = false
  @Option(
    help: ArgumentHelp("With --statistics: draw the histograms here.", valueName: "figure.png"))
  var figure: String?

  @OptionGroup var settings: SettingsOptions

  func validate() throws {
    guard figure == nil || statistics else {
      throw ValidationError("--figure draws what --statistics prints; give both.")
    }
  }

  func run() throws {
    let file = URL(fileURLWithPath: path)
    guard statistics else {
      print(try describe(file, settings: settings.overrides))
      return
    }
    let output = try figure.map { try outputFile($0, option: "--figure") }
    let report = try report(file)
    if let output { try writeWhole(report.figure.png(), to: output) }
    print(report.text)
    if let figure { print("\nLook at \(figure)") }
  }

  private func report(_ file: URL) throws -> StatisticsReport {
    var isFolder: ObjCBool = false
    _ = FileManager.default.fileExists(atPath: file.path, isDirectory: &isFolder)
    return isFolder.boolValue
      ? try StatisticsReport(Trace.open(file))
      : try StatisticsReport(MaskRCNNModel(contentsOf: file, overrides: settings.overrides))
  }
}

/// The description of a weight file, `.npy` file, image or trace.
///
/// - Parameter settings: what holds in place of a weight file's settings, by key
/// - Throws: `Fault` if the file is none of them or is damaged, if settings are given for anything
///   but a weight file, or are none of a network.
func describe(_ file: URL, settings: [String: String]) throws -> String {
  var isFolder: ObjCBool = false
  guard FileManager.default.fileExists(atPath: file.path, isDirectory: &isFolder) else {
    throw Fault(file.relativePath, "there is no such file or folder", remedy: "Check the path")
  }
  func checkSettings(_ kind: String) throws(Fault) {
    guard let key = settings.keys.min() else { return }
    throw Fault(
      file.relativePath, "this is \(kind), and --set \(key) is a setting of a weight file",
      remedy: "Leave out --set, or name the weight file")
  }
  if isFolder.boolValue {
    try checkSettings("a folder")
    let trace = try Trace.open(file)
    return try trace.namingCommands { try describe(trace) }
  }
  // By what it holds; by its name where it does not hold what the name promises, to say so.
  let start = [UInt8](try readData(of: file).prefix(16))
  let promise = file.pathExtension.lowercased()
  if promise == "npy" || NPY.recognises(start) {
    try checkSettings("an array")
    return describe(try NPY.read(file))
  } else if ["png", "jpg", "jpeg"].contains(promise) || PNG.recognises(start)
    || JPEG.recognises(start) || foreignFormat(start) != nil
  {
    try checkSettings("an image")
    return try readImage(file).source(of: file)
  } else {
    let weights = try WeightFile.read(file)
    do {
      let model = try MaskRCNNModel(weights: weights, overrides: settings)
      return weights.summary + "\n\n" + model.summary
    } catch let fault as Fault {
      // The file can be described; a setting that cannot hold is the user's fault.
      if settings.keys.contains(fault.subject) { throw fault }
      return weights.summary + "\n\nNot a Mask R-CNN that can be run: \(fault)"
    }
  }
}

extension Image {
  fileprivate func source(of file: URL) -> String {
    let statistics = pixels.statistics
    return summary
      + ", intensities from \(Numerals.decimals(Double(statistics.minimum), 3)) to "
      + "\(Numerals.decimals(Double(statistics.maximum), 3)), mean \(Numerals.decimals(Double(statistics.mean), 3))"
      + (hint.map { "\nHint: \($0)" } ?? "")
  }
}

private func describe(_ array: NumericArray) -> String {
  let tensor = array.tensor
  let statistics = tensor.statistics
  let first = tensor.values.prefix(8).map { "\($0)" }.joined(separator: " ")
  return """
    \(array.typeName) \(array.shape), \(array.shape.count) elements
    minimum \(statistics.minimum), maximum \(statistics.maximum), mean \(statistics.mean)\
    \(statistics.nonFinite > 0 ? ", \(statistics.nonFinite) NaN or infinite" : "")
    begins \(first)\(tensor.count > 8 ? " …" : "")
    """
}

private func describe(_ trace: Trace) throws -> String {
  var text = "image  \(trace.record.image ?? "not recorded")\n"
  text += "weights  \(trace.record.weights ?? "not recorded")\n"
  for setting in trace.record.settingsInWords { text += "set      \(setting)\n" }
  let stale = try trace.staleStages()
  if !stale.isEmpty { text += "\n" + (try staleReport(stale, in: trace)) + "\n" }
  for name in trace.recordedStages {
    let stage = try trace.stage(name)
    try stage.verify()
    text += "\n\(name): \(stage.record.title)\n"
    if let reason = stale.first(where: { $0.stage == name })?.reason {
      text += "  stale: \(reason)\n"
    }
    for (option, value) in stage.record.options.sorted(by: { $0.key < $1.key }) {
      text += "  \(option) = \(value)\n"
    }
    var table = Table(
      ["  tensor", "type", "shape", "minimum", "maximum", "mean", "what it holds"],
      right: [3, 4, 5])
    for tensor in stage.record.tensors {
      table.add([
        "  " + tensor.name, tensor.dtype + (tensor.file == nil ? ", not kept" : ""),
        Shape(tensor.shape).description, Numerals.decimals(Double(tensor.minimum), 3),
        Numerals.decimals(Double(tensor.maximum), 3), Numerals.decimals(Double(tensor.mean), 3),
        tensor.note + (tensor.nonFinite.map { "; \($0) elements are NaN or infinite" } ?? ""),
      ])
    }
    text += table.text + "\n"
    for figure in stage.record.figures {
      text += "  \(figure.file): \(figure.caption)\n"
    }
    for file in stage.record.files { text += "  \(file.file): \(file.caption)\n" }
  }
  return text
}
