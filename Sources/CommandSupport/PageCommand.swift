import ArgumentParser
import Experiments
import Foundation
import Stage0Input
import Tensors
import TracePage
import Tracing

/// `maskrcnn page`: the page of a trace, made anew.
struct PageCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "page",
    abstract: "Make index.html, the page that reads a trace, anew.",
    discussion: "The page is one file; it opens from disk and loads nothing from elsewhere.")

  @Option(help: "The trace's folder.") var trace = "trace"
  @Option(help: "A second trace, to be held against the first: where they differ first, and how.")
  var against: String?
  @OptionGroup var truth: TruthOption
  @OptionGroup var weights: WeightsOptions

  func run() throws {
    let trace = try Trace.open(URL(fileURLWithPath: trace))
    let other = try against.map { try Trace.open(URL(fileURLWithPath: $0)) }
    let model = LoadedModel(trace, weights)
    let page = try TracePage(trace, model, truth: truth.file, against: other)
    print(try page.write().relativePath)
  }
}

extension TracePage {
  /// The page of a trace, with what the RoI operators cost downstream where trace and weights allow
  /// it: a trace that lies far from its weights gets a page without.
  ///
  /// - Throws: `Fault` if the trace or the truth is damaged.
  init(_ trace: Trace, _ model: LoadedModel, truth: URL?, against other: Trace? = nil) throws {
    let objects = try trueObjects(of: trace, file: truth)
    guard Downstream.isPossible(in: trace), model.isNamed, let weights = try? model.get(),
      let downstream = try? Downstream(trace, weights, truth: objects)
    else {
      self.init(trace, against: other)
      return
    }
    self.init(trace, against: other, downstream: downstream, truth: objects)
  }
}
