import ArgumentParser
import Ablations
import Foundation
import Kernels
import Stage0Input
import Tensors
import TracePage
import Tracing

/// `maskrcnn page`: the page of a trace, made again.
struct PageCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "page",
    abstract: "Make index.html, the page that reads a trace, again.",
    discussion: "The page is one file; it opens from disk and loads nothing from elsewhere.")

  @Option(help: "The trace's folder.") var trace = "trace"
  @Option(help: "A second trace to compare with the first: where they differ first, and how.")
  var against: String?
  @OptionGroup var truth: TruthOption
  @OptionGroup var imageID: TruthImageOption
  @OptionGroup var weights: WeightsOptions

  func run() throws {
    let trace = try Trace.open(URL(fileURLWithPath: trace))
    let other = try against.map { try Trace.open(URL(fileURLWithPath: $0)) }
    let model = LoadedModel(trace, weights, isRecorded: false)
    let truth = LoadedTruth(
      trace, GivenTruth(truth, imageID: imageID.imageID), isRecorded: false)
    let file = try trace.namingCommands {
      try (other ?? trace).namingCommands {
        try TracePage(trace, model, truth: truth, against: other).write()
      }
    }
    print(file.relativePath)
  }
}

extension TracePage {
  /// The page of a trace, with what the RoI operators cost downstream where trace and weights allow
  /// it: a trace that lies far from its weights gets a page without, and a line says why.
  ///
  /// - Throws: `Fault` if weights or truth were named and cannot be used.
  init(_ trace: Trace, _ model: LoadedModel, truth: LoadedTruth, against other: Trace? = nil) throws
  {
    do {
      guard Downstream.isPossible(in: trace), model.isNamed || truth.isNamedByUser else {
        self.init(trace, against: other)
        return
      }
      let (objects, downstream) = try trace.namingCommands {
        let objects = try truth.regions()
        return (objects, try Downstream(trace, model.get(), truth: objects))
      }
      self.init(trace, against: other, downstream: downstream, truth: objects)
    } catch {
      guard !truth.isNamedByUser, !model.isNamedByUser else { throw error }
      print("The page does not show the effect of the RoI operator on the masks. \(error)")
      self.init(trace, against: other)
    }
  }
}
