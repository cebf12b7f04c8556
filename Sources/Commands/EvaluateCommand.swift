import Annotations
import ArgumentParser
import Evaluation
import Figures
import Foundation
import Inference
import Kernels
import Model
import Tensors
import Training

extension DataSplit: ExpressibleByArgument {}

/// What `evaluate` compares.
enum Comparison: String, CaseIterable, ExpressibleByArgument {
  case boxes
  case masks
  case both

  /// The kinds, in the order of the tables.
  func kinds(haveMasks: Bool) -> [OverlapKind] {
    switch self {
    case .boxes: [.boxes]
    case .masks: [.masks]
    case .both: haveMasks ? [.boxes, .masks] : [.boxes]
    }
  }
}

/// `maskrcnn evaluate`: average precision of results.
struct EvaluateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate",
    abstract: "COCO's average precision of a network or of a results file, for boxes and masks.",
    discussion: """
      With --weights the network is run on the images of --data; without --data, on scenes of \
      shapes that no training sees. The numbers are those of pycocotools. Source: \
      Sources/Evaluation.
      """)

  @Option(
    help: ArgumentHelp(
      "The truth: COCO's JSON, or with --weights also a folder as train reads it.",
      valueName: "truth"))
  var data: String?
  @Option(
    help: ArgumentHelp("The results in COCO's JSON format.", valueName: "results.json"))
  var results: String?
  @Option(help: "The network: a .safetensors or .pth file.")
  var weights: String?
  @Option(help: "Which part of a folder: train or val.")
  var split = DataSplit.val
  @Option(parsing: .unconditional, help: "How many scenes of shapes. Default: 200.")
  var scenes: Int?
  @Option(
    help: "What is compared: boxes, masks, both (masks only where the results have some).")
  var compare = Comparison.both
  @Option(parsing: .unconditional, help: "Detections that count per image and class.")
  var maxDetections = 100
  @Option(help: ArgumentHelp("Draw precision over recall here.", valueName: "curves.png"))
  var curves: String?
  @Option(
    help: ArgumentHelp(
      "Write here what is wrong: the worst images, a confusion matrix, and every detection with "
        + "precision and recall.", valueName: "folder"))
  var errors: String?
  @Flag(help: "Print everything as JSON.")
  var json = false
  @OptionGroup var threads: ThreadOptions

  func validate() throws {
    guard (10...100_000).contains(maxDetections) else {
      throw ValidationError("--max-detections is \(maxDetections); give 10 to 100000.")
    }
    guard (results == nil) != (weights == nil) else {
      throw ValidationError("Give --results or --weights, and not both.")
    }
    guard data != nil || weights != nil else {
      throw ValidationError("--results are compared with a truth; give --data truth.json.")
    }
    guard scenes == nil || data == nil, (1...10_000).contains(scenes ?? 1) else {
      throw ValidationError("--scenes is 1 to 10000, and does not go with --data.")
    }
  }

  func run() throws {
    threads.apply()
    let (dataset, found, pixels) = try compared()
    let evaluations = try compare.kinds(haveMasks: found.haveMasks).map {
      try COCOEvaluation(
        dataset, found, EvaluationSettings(kind: $0, maxDetections: maxDetections))
    }
    warn(dataset.problems + found.problems)
    if let curves, let last = evaluations.last {
      try write(PrecisionRecallFigure(last).figure.png(), to: URL(fileURLWithPath: curves))
    }
    if let errors, let last = evaluations.last {
      try EvaluationErrors(dataset, found, last.settings, pixels).write(
        to: URL(fileURLWithPath: errors))
    }
    let report = EvaluationReport(dataset, found, evaluations)
    print(try json ? encodedJSON(report) : report.text)
    let places = [curves, errors.map { "\($0)/worst-images.png" }].compactMap(\.self)
    if !places.isEmpty, !json { print("\nLook at \(places.joined(separator: ", "))") }
  }

  /// The truth, what is compared with it, and the pixels of an image, nil where it is not there.
  private func compared() throws -> (
    AnnotatedDataset, DetectionResults, (AnnotatedImage) throws -> Tensor?
  ) {
    if let data, let results {
      let folder = try ImageFolder(URL(fileURLWithPath: data), split)
      let missing = Set(folder.missing.map(\.id))
      let found = try DetectionResults(coco: URL(fileURLWithPath: results), for: folder.dataset)
      return (
        folder.dataset, found, { missing.contains($0.id) ? nil : try folder.pixels($0) }
      )
    }
    Memory.keepFreed()
    let model = try MaskRCNNModel(contentsOf: URL(fileURLWithPath: weights ?? ""))
    let progress = ProgressLine()
    defer { progress.clear() }
    guard let data else {
      let (dataset, images) = SceneSource.validation(count: scenes ?? 200)
      let found = try DetectionResults(
        of: Network(model), on: dataset, image: { images[$0.id - 1] },
        report: { progress.show("\($0) of \(images.count) scenes") })
      return (dataset, found, { images[$0.id - 1] })
    }
    let folder = try ImageFolder(URL(fileURLWithPath: data), split)
    let count = folder.dataset.images.count
    let found = try DetectionResults(
      of: Network(model), on: folder.dataset, image: folder.pixels,
      report: { progress.show("\($0) of \(count) images") })
    return (folder.dataset, found, folder.pixels)
  }

  private func write(_ bytes: [UInt8], to file: URL) throws {
    do {
      try writeWhole(bytes, to: file)
    } catch {
      throw Fault(
        file.relativePath, "the figure cannot be written",
        remedy: "Name another file with --curves, or free space")
    }
  }
}

/// What `evaluate` found.
private struct EvaluationReport: Encodable {
  struct ClassNumbers: Encodable {
    var id: Int
    var name: String
    var objects: Int
    /// AP, AP50 and AP75; null where the class has no objects.
    var numbers: [String: Double?]
  }

  struct Numbers: Encodable {
    var compared: String
    /// The twelve numbers by name; null where there are no such objects.
    var numbers: [String: Double?]
    var classes: [ClassNumbers]
  }

  var images: Int
  var objects: Int
  var detections: Int
  var evaluations: [Numbers]
  private let lines: [[SummaryLine]]

  enum CodingKeys: CodingKey { case images, objects, detections, evaluations }

  init(_ dataset: AnnotatedDataset, _ results: DetectionResults, _ all: [COCOEvaluation]) {
    images = dataset.images.count
    objects = dataset.images.reduce(0) { $0 + $1.objects.count }
    detections = results.objects.values.reduce(0) { $0 + $1.count }
    lines = all.map(\.summary)
    var counts: [Int: Int] = [:]
    for object in dataset.images.flatMap(\.objects) { counts[object.label, default: 0] += 1 }
    evaluations = all.map { evaluation in
      Numbers(
        compared: evaluation.settings.kind.rawValue,
        numbers: Dictionary(
          evaluation.summary.map { ($0.key, $0.value) }, uniquingKeysWith: { first, _ in first }),
        classes: evaluation.classes.enumerated().map { index, known in
          func precision(_ threshold: Int?) -> Double? {
            evaluation.averagePrecision(threshold: threshold, classIndex: index)
          }
          return ClassNumbers(
            id: known.id, name: known.name, objects: counts[known.id] ?? 0,
            numbers: ["AP": precision(nil), "AP50": precision(0), "AP75": precision(5)])
        })
    }
  }

  /// Three decimals, as pycocotools prints them.
  private func words(_ value: Double?) -> String { value.map { Numerals.decimals($0, 3) } ?? "-" }

  var text: String {
    let kinds = evaluations.map(\.compared)
    var table = Table(
      ["number", "of", "IoU", "area", "detections"] + kinds,
      right: Set(4..<5 + kinds.count))
    for (place, line) in (lines.first ?? []).enumerated() {
      table.add(
        [
          line.key, line.measure == .precision ? "average precision" : "average recall",
          line.threshold.map { Numerals.decimals($0, 2) } ?? "0.50 to 0.95", line.area,
          String(line.limit),
        ] + lines.map { words($0[place].value) })
    }
    let headings = ["AP", "AP50", "AP75"]
    var classes = Table(
      ["class", "objects"] + kinds.flatMap { kind in headings.map { "\(kind) \($0)" } },
      right: Set(1..<2 + 3 * kinds.count))
    for (place, known) in (evaluations.first?.classes ?? []).enumerated() {
      classes.add(
        [known.name, String(known.objects)]
          + evaluations.flatMap { evaluation in
            headings.map { words(evaluation.classes[place].numbers[$0] ?? nil) }
          })
    }
    return
      "\(images) images, \(objects) objects, \(detections) detections. A dash: no such objects."
      + "\n\n\(table.text)\n\n\(classes.text)"
  }
}
