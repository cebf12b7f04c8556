import Tensors

/// A step of the pipeline that can be run alone: it reads what earlier stages left in a trace and
/// leaves what it computes.
public protocol Stage {
  /// The stage's folder in a trace, `4-roi`.
  static var name: String { get }
  /// One sentence: what the stage computes.
  static var title: String { get }
  /// What a run can be told; `stage.json` records it, and with it the stage is run again as it ran.
  static var recordedOptions: [RecordedOption<Self>] { get }
  /// What `stage.json` records beside: what is fixed, or follows from the model.
  var recordedFacts: [String: OptionValue] { get }

  /// Computes, reading and writing through `folder`.
  func run(_ folder: StageWriter) throws
}

extension Stage {
  /// None.
  public static var recordedOptions: [RecordedOption<Self>] { [] }
  /// None.
  public var recordedFacts: [String: OptionValue] { [:] }

  /// The options in force, as `stage.json` records them.
  public var options: [String: OptionValue] {
    Self.recordedOptions.reduce(into: recordedFacts) { options, option in
      options.merge(option.record(self)) { _, own in own }
    }
  }

  /// The stage with the options that an earlier run recorded.
  ///
  /// - Throws: `Fault` if the record lacks one of them, or holds in its place what it cannot be.
  public func withOptions(of folder: StageFolder) throws -> Self {
    try Self.recordedOptions.reduce(into: self) { stage, option in
      guard option.take(folder.record.options, &stage) else {
        throw Fault(
          folder.folder.path, "the trace does not record its \(option.name)",
          remedy: "Record it again: run the stage again")
      }
    }
  }

  /// Runs the stage in a trace. Its folder appears whole or not at all.
  ///
  /// - Parameters:
  ///   - source: the trace whose earlier stages are read; nil for the same trace
  ///   - recording: what `stage.json` records beside the stage's own options
  ///   - keeping: which tensors are kept as files
  ///   - figures: whether figures are drawn
  ///   - report: called with a few words whenever a part of the work begins
  /// - Throws: `Fault` if an earlier stage is missing, or the folder cannot be written
  @discardableResult
  public func run(
    in trace: Trace, reading source: Trace? = nil, recording more: [String: OptionValue] = [:],
    keeping: Trace.Keeping = .full, figures: Bool = true,
    report: @escaping (String) -> Void = { _ in }
  ) throws -> StageFolder {
    let folder = try StageWriter(
      trace, source: source ?? trace, stage: Self.name, title: Self.title,
      options: options.merging(more) { own, _ in own }, keeping: keeping, drawsFigures: figures,
      report: report)
    try run(folder)
    return try folder.commit()
  }
}
