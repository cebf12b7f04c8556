import Tensors

/// A step of the pipeline that can be run alone: it reads what earlier stages left in a trace and
/// leaves what it computes.
public protocol Stage {
  /// What a run can be told.
  associatedtype Options: StageOptions = NoOptions

  /// The stage's folder in a trace, `4-roi`.
  static var name: String { get }
  /// One sentence: what the stage computes.
  static var title: String { get }
  /// The tensors of earlier stages that it computes with, beside the image's sizes.
  static var inputs: [StageInput] { get }
  /// The options in force; `stage.json` records them, and with them the stage is run again as it
  /// ran.
  var options: Options { get set }
  /// What `stage.json` records beside: what is fixed, or follows from the model.
  var recordedFacts: [String: OptionValue] { get }

  /// Computes, reading and writing through `folder`.
  func run(_ folder: StageWriter) throws
  /// What the stage left, in a few words: the shapes and counts of its main tensors.
  static func outcome(_ folder: StageFolder) -> String
}

/// Tensors of an earlier stage that a stage computes with.
public struct StageInput: Sendable, Equatable {
  /// The earlier stage's folder.
  public let stage: String
  /// The tensor, or the first of several levels.
  public let first: String
  /// The last of several levels; nil for one tensor.
  public let last: String?

  /// A tensor, or the tensors of several levels.
  public init(_ stage: String, _ first: String, to last: String? = nil) {
    (self.stage, self.first, self.last) = (stage, first, last)
  }
}

extension Stage {
  /// None.
  public static var inputs: [StageInput] { [] }
  /// None.
  public var recordedFacts: [String: OptionValue] { [:] }

  /// How many tensors there are.
  public static func outcome(_ folder: StageFolder) -> String {
    "\(folder.record.tensors.count) tensors"
  }

  /// The place in the pipeline, 4 of `4-roi`.
  public static var number: Int { Int(name.prefix(while: \.isNumber)) ?? 0 }

  /// The command that runs the stage, `roi` of `4-roi`.
  public static var command: String { String(name.drop { $0.isNumber || $0 == "-" }) }

  /// The folder of its source, `Stage4RoI`: the module that defines it.
  public static var source: String { String(String(reflecting: Self.self).prefix { $0 != "." }) }

  /// What `stage.json` records: the options in force and the facts beside them.
  public var recorded: [String: OptionValue] {
    recordedFacts.merging(options.recorded) { _, own in own }
  }

  /// The stage with the options that an earlier run recorded.
  ///
  /// - Throws: `Fault` if the record lacks one of them, or holds in its place what it cannot be.
  public func withOptions(of folder: StageFolder) throws -> Self {
    var stage = self
    try stage.options.read(folder)
    return stage
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
      options: recorded.merging(more) { own, _ in own }, keeping: keeping, drawsFigures: figures,
      report: report)
    try run(folder)
    return try folder.commit()
  }
}

extension Stage where Options == NoOptions {
  /// None.
  public var options: NoOptions {
    get { NoOptions() }
    set {}
  }
}

extension StageFolder {
  /// The shape of a tensor as text, `[1, 3, 512, 512]`; empty where there is none of the name.
  public func shape(_ name: String) -> String {
    record.tensors.first { $0.name == name }.map { Shape($0.shape).description } ?? ""
  }

  /// The first extent of a tensor; 0 where there is none of the name.
  public func count(_ name: String) -> Int {
    record.tensors.first { $0.name == name }?.shape.first ?? 0
  }
}
