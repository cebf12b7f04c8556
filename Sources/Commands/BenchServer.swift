import Benchmarks
import Foundation
import Inference
import Kernels
import Model
import Stage4RoI
import Stage6Masks
import Tensors
import WeightFiles

/// `bench --serve`: one run for each line on standard input, so that another program can take turns
/// with it. Both have what they need in memory, and changes of the machine's speed affect both.
///
/// A line is the name of a job, or the name and a file: then what the job computes is written
/// there, as `.safetensors`. The answer is a line with the seconds of the run, writing not counted,
/// and behind them, where the arithmetic is counted, billions of operations a second. Nothing is
/// loaded or made before a job needs it; the first run of each job is slower.
struct BenchServer {
  /// What can be asked for.
  enum Job: String, CaseIterable {
    case whole, pyramid, roialign, roipool, nms, paste, product, peak, image, training
    case tuning = "training-r50"
    case tuningHeads = "training-r50-heads"
  }

  /// What standard input may say, for people.
  static let help = """
    --serve reads jobs from standard input, one a line, runs each once and prints its seconds: \
    \(Job.allCases.map(\.rawValue).joined(separator: ", ")). A file behind the name takes what the \
    job computed, as .safetensors. Fixtures/record/bench_peers.py so compares with torchvision, in \
    turn.
    """

  private let loadModel: () throws -> MaskRCNNModel
  private let loadImage: () throws -> Tensor
  private lazy var model = Result { try loadModel() }
  private lazy var image = Result { try loadImage() }
  private lazy var input = Result { try Network(model.get()).input([image.get()]).tensor }
  private let loadTraining: () throws -> TrainingWork
  private lazy var operators = OperatorInputs()
  private lazy var work = Result { try loadTraining() }
  private var tuning: [Job: TrainingWork] = [:]

  init(
    model: @escaping () throws -> MaskRCNNModel, image: @escaping () throws -> Tensor,
    training: @escaping () throws -> TrainingWork
  ) {
    (loadModel, loadImage, loadTraining) = (model, image, training)
  }

  /// Answers until standard input ends.
  ///
  /// - Throws: `Fault` where a line names no job, or weights, image or file are not to be had.
  mutating func run() throws {
    while let line = readLine() {
      let words = line.split(separator: " ", maxSplits: 1).map(String.init)
      guard let name = words.first else { continue }
      guard let job = Job(rawValue: name) else {
        throw Fault(
          "--serve", "there is no job \(name)",
          remedy: "Jobs are \(Job.allCases.map(\.rawValue).joined(separator: ", "))")
      }
      let answer = try perform(job)
      if words.count > 1 {
        try Safetensors.write(answer.outputs(), to: URL(fileURLWithPath: words[1]))
      }
      print("\(answer.seconds)" + (answer.gigaflops.map { " \($0)" } ?? ""))
      // Whoever asked waits for the line.
      fflush(nil)
    }
  }

  /// What came of one run; the outputs only become tensors where somebody wants them.
  private struct Answer {
    var seconds: Double
    var gigaflops: Double?
    var outputs: () -> [String: Tensor]

    /// Runs something once.
    ///
    /// - Parameters:
    ///   - gigaflops: of what came out, and of the seconds it took
    ///   - outputs: tensors by name, of what came out
    init<Output>(
      of run: () throws -> Output, gigaflops: (Output, Double) -> Double? = { _, _ in nil },
      outputs: @escaping (Output) -> [String: Tensor]
    ) rethrows {
      let clock = ContinuousClock()
      let start = clock.now
      let output = try run()
      seconds = start.duration(to: clock.now) / .seconds(1)
      self.gigaflops = gigaflops(output, seconds)
      self.outputs = { outputs(output) }
    }
  }

  private mutating func perform(_ job: Job) throws -> Answer {
    switch job {
    case .whole:
      let (model, image) = (try model.get(), try image.get())
      return Answer(
        of: { model.detections(in: image) },
        outputs: { $0.tensors(width: image.shape[2], height: image.shape[1]) })
    case .pyramid:
      let (model, input) = (try model.get(), try input.get())
      return Answer(
        of: { Network(model).pyramid(input) },
        outputs: { levels in
          Dictionary(uniqueKeysWithValues: levels.enumerated().map { ("P\($0 + 2)", $1) })
        })
    case .image:
      let image = try image.get()
      return Answer(of: { image }, outputs: { ["image": $0] })
    case .peak:
      return Answer(
        of: measuredArithmeticPeak, gigaflops: { peak, _ in peak },
        outputs: { ["gigaflops": Tensor([1], [Float($0)])] })
    case .training:
      let work = try work.get()
      return try Answer(
        of: { try work.run().report.total }, outputs: { ["loss": Tensor([1], [$0])] })
    case .tuning, .tuningHeads:
      let work = try tuned(job)
      return try Answer(
        of: { try work.run().report.total }, outputs: { ["loss": Tensor([1], [$0])] })
    case .roialign, .roipool, .nms, .paste, .product:
      return perform(job, on: operators)
    }
  }

  /// A step of fine-tuning, prepared once.
  private mutating func tuned(_ job: Job) throws -> TrainingWork {
    if let known = tuning[job] { return known }
    let work = try TrainingWork(
      model.get(), pairOf: image.get(), frozenParts: job == .tuning ? 0 : 5)
    tuning[job] = work
    return work
  }

  private func perform(_ job: Job, on inputs: OperatorInputs) -> Answer {
    switch job {
    case .roipool:
      Answer(of: { inputs.features(.pool) }, outputs: { ["features": $0] })
    case .nms:
      Answer(
        of: inputs.suppressed, outputs: { ["kept": Tensor([$0.count], $0.map(Float.init))] })
    case .paste:
      Answer(
        of: inputs.pasted, outputs: { ["masks": wholeImages($0, width: 640, height: 480)] })
    case .product:
      Answer(
        of: inputs.product, gigaflops: { inputs.productOperations / $1 * 1e-9 },
        outputs: { ["product": $0] })
    default:
      Answer(of: { inputs.features(.torchvision) }, outputs: { ["features": $0] })
    }
  }
}

extension [Detection] {
  /// The detections as torchvision gives them: masks as large as the image.
  fileprivate func tensors(width: Int, height: Int) -> [String: Tensor] {
    [
      "boxes": Tensor(boxes: map(\.box)), "scores": Tensor([count], map(\.score)),
      "labels": Tensor([count], map { Float($0.label) }),
      "masks": wholeImages(map(\.mask), width: width, height: height),
    ]
  }
}

/// Masks in the whole image, `[D, H, W]`, 0 outside their windows.
private func wholeImages(_ masks: [PastedMask], width: Int, height: Int) -> Tensor {
  var images = Tensor([masks.count, height, width], repeating: 0)
  for (index, mask) in masks.enumerated() {
    let window = mask.window
    for row in 0..<window.height {
      let from = row * window.width
      let to = (index * height + window.y1 + row) * width + window.x1
      images.values.replaceSubrange(
        to..<to + window.width, with: mask.probabilities[from..<from + window.width])
    }
  }
  return images
}
