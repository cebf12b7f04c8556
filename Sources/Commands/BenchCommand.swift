import Annotations
import ArgumentParser
import Benchmarks
import Foundation
import Inference
import Kernels
import Model
import Figures
import Tensors

/// `bench`: how long every part takes, and how near it comes to what the machine can do.
package struct BenchCommand: ParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "Time the stages, the layers and the operators.",
    discussion: """
      Without --weights: R50-FPN v1 with weights from a seed, which find 100 objects in any image. \
      GFLOPS count the products and sums of the definition; Winograd's form of a 3x3 convolution \
      needs a quarter of the products: such layers may exceed 100 % of the peak. Guide: \
      "Performance".

      \(BenchServer.help)
      """)

  @Argument(help: "An image. Default: the bundled one, in 640 x 480.")
  var image: String?
  @OptionGroup var weights: WeightsOptions
  @OptionGroup var kernels: KernelOptions
  @Option(
    parsing: .unconditional,
    help: "How often each part is run; the median counts. Default: 5; 3 with --scaling.")
  var runs: Int?
  @OptionGroup var threads: ThreadOptions
  @Flag(help: "A line per convolution of the backbone.")
  var layers = false
  @Flag(help: "The operators by themselves.")
  var operators = false
  @Flag(help: "Some operations by each of their forms, from the definition to the fastest.")
  var forms = false
  @Flag(help: "Both gradients of the convolutions of R50-FPN and of small networks.")
  var gradients = false
  @Flag(
    help: "One step of training, part by part: 8 crops of the bundled image, its model by default.")
  var training = false
  @Flag(help: "As JSON, for programs.")
  var json = false
  @Flag(help: "How the time grows with the image's size and the number of proposals; a minute.")
  var scaling = false
  @Option(help: "The image that --scaling draws. Default: scaling.png.")
  var plot: String?
  @Flag(help: "Run what standard input asks for, in turn with another program.")
  var serve = false

  package init() {}

  package func validate() throws {
    guard (1...1000).contains(runs ?? 1) else {
      throw ValidationError("--runs is \(runs ?? 1); give 1 to 1000.")
    }
    let parts = layers || operators || forms || gradients || training
    guard !serve || !(parts || json || scaling) else {
      throw ValidationError("--serve is told by standard input what to run; give no other flag.")
    }
    guard !scaling || !parts else {
      throw ValidationError(
        "--scaling times sizes, not parts; leave out --layers, --operators, --forms, --gradients, "
          + "--training.")
    }
    guard scaling || plot == nil else {
      throw ValidationError("--plot draws what --scaling measures; give both.")
    }
  }

  package func run() throws { try kernels.kernels.running(measure) }

  private func measure() throws {
    Memory.keepFreed()
    threads.apply()
    if serve {
      var server = BenchServer(model: loadModel, image: loadImage, training: loadTraining)
      return try server.run()
    }
    let progress = ProgressLine()
    let plotFile = scaling ? try outputFile(plot ?? "scaling.png", option: "--plot") : nil
    let runs = runs ?? (scaling ? 3 : 5)
    progress.show("loading")
    if training {
      let work = try loadTraining()
      progress.show("training")
      var report = Report(
        model: weights.weights ?? "the bundled model", threads: Threads.count,
        image: [3, TrainingWork.side, TrainingWork.side], peakGigaflops: measuredArithmeticPeak())
      report.training = try trainingBenchmarks(work, runs: runs)
      report.peakMemory = peakMemory()
      progress.clear()
      print(try json ? encodedJSON(report) : report.text)
      return
    }
    let model = try loadModel()
    let pixels = try loadImage()
    if let plotFile {
      let report = ScalingReport(model, image: pixels, runs: runs, report: progress.show)
      try report.draw(to: plotFile)
      progress.clear()
      print(try json ? encodedJSON(report) : report.text)
      if !json { print("\nLook at \(plotFile.relativePath)") }
      return
    }
    var report = Report(
      model: weights.weights ?? "R50-FPN v1, weights from a seed", threads: Threads.count,
      image: pixels.shape.extents, peakGigaflops: measuredArithmeticPeak())
    progress.show("stages")
    (report.stages, report.detections) = stageBenchmarks(model, image: pixels, runs: runs)
    if layers {
      progress.show("layers")
      report.layers = layerBenchmarks(
        model.backbone, input: Network(model).input([pixels]).tensor, runs: runs)
    }
    if operators {
      progress.show("operators")
      report.operators = operatorBenchmarks(runs: runs)
    }
    if forms {
      progress.show("forms")
      report.forms = formBenchmarks(runs: runs)
    }
    if gradients {
      progress.show("gradients")
      report.gradients = gradientBenchmarks(runs: runs)
    }
    report.peakMemory = peakMemory()
    progress.clear()
    print(try json ? encodedJSON(report) : report.text)
  }

  private func loadModel() throws -> MaskRCNNModel {
    if let path = weights.weights {
      return try MaskRCNNModel(
        contentsOf: URL(fileURLWithPath: path), overrides: weights.overrides)
    }
    let list = try ParameterShape.readList(
      Bundled.fixtures.appending(path: "architectures/resnet50_fpn_v1.json"))
    return try MaskRCNNModel(
      weights: SeededWeights.generate(list, seed: 7), overrides: weights.overrides)
  }

  private func loadTraining() throws -> TrainingWork {
    let file = weights.weights.map { URL(fileURLWithPath: $0) } ?? Bundled.weights
    let pixels = try readImage(Bundled.image).pixels
    let labels = Bundled.labels
    let truth = try ImageAnnotations(labelMap: readBytes(of: labels), name: labels.path)
    return try TrainingWork(
      MaskRCNNModel(contentsOf: file, overrides: weights.overrides), image: pixels,
      objects: truth.image.objects.compactMap { $0.mask?.region })
  }

  private func loadImage() throws -> Tensor {
    guard let image else {
      let bundled = try readImage(Bundled.image).pixels
      return resizeBilinear(bundled, rows: 480, columns: 640)
    }
    return try readImage(URL(fileURLWithPath: image)).pixels
  }
}

/// A report as JSON, for programs.
/// A report as indented JSON text with sorted keys.
func encodedJSON(_ report: some Encodable) throws -> String {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
  return String(decoding: try encoder.encode(report), as: UTF8.self)
}

/// What `bench` found.
private struct Report: Codable {
  var model: String
  var threads: Int
  var image: [Int]
  var peakGigaflops: Double
  var stages: [Timing] = []
  var detections = 0
  var layers: [Timing] = []
  var operators: [Timing] = []
  var forms: [Timing] = []
  var gradients: [Timing] = []
  var training: [Timing] = []
  var peakMemory = 0

  var text: String {
    guard training.isEmpty else {
      let threads = "\(threads) threads, peak \(Numerals.decimals(peakGigaflops, 0)) GFLOPS"
      return [
        "One step of training of \(model): \(TrainingWork.crops) crops of "
          + "\(TrainingWork.side) x \(TrainingWork.side) image pixels",
        "\(threads), memory at most \(peakMemory / 1_000_000) MB", "", table(training),
      ].joined(separator: "\n")
    }
    let total = stages.reduce(0) { $0 + $1.median }
    var lines = [
      "\(model)",
      "\(threads) threads, peak \(Numerals.decimals(peakGigaflops, 0)) GFLOPS, image "
        + "\(image[2]) x \(image[1]), \(detections) detections, memory at most "
        + "\(peakMemory / 1_000_000) MB",
      "", table(stages), "", "Sum of the medians: \(Numerals.decimals(total, 3)) s",
    ]
    if !layers.isEmpty { lines += ["", table(layers)] }
    if !operators.isEmpty { lines += ["", table(operators)] }
    if !forms.isEmpty { lines += ["", table(forms)] }
    if !gradients.isEmpty { lines += ["", table(gradients)] }
    return lines.joined(separator: "\n")
  }

  private func table(_ measurements: [Timing]) -> String {
    var table = Table(
      ["part", "median ms", "least", "greatest", "GFLOPS", "of the peak"], right: [1, 2, 3, 4, 5])
    for one in measurements {
      table.add([
        one.name, Numerals.decimals(one.median * 1000, 1),
        Numerals.decimals((one.seconds.min() ?? 0) * 1000, 1),
        Numerals.decimals((one.seconds.max() ?? 0) * 1000, 1),
        one.gigaflops.map { Numerals.decimals($0, 0) } ?? "",
        one.gigaflops.map { "\(Numerals.decimals(100 * $0 / peakGigaflops, 0)) %" } ?? "",
      ])
    }
    return table.text
  }
}
