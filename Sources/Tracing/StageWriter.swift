import Foundation
import Tensors
import WeightFiles

/// Gathers what a stage computes, then puts its folder into the trace, whole or not at all.
///
/// Files are written into a folder beside the final one, which `commit` renames; a run that fails
/// leaves an earlier run's folder as it was. They are written one after another while the stage
/// computes on: `commit` waits for them, and throws what went wrong with the first that failed.
public final class StageWriter {
  /// Whether figures are wanted.
  public let drawsFigures: Bool
  /// Says, in a few words, which part of the work begins.
  public let report: (String) -> Void
  private let trace: Trace
  private let source: Trace
  private let keeping: Trace.Keeping
  private let draft: URL
  private let lock: FolderLock
  private let unfinished: Int
  private var record: StageRecord
  private var inMemory: [String: NumericArray] = [:]
  private var committed = false
  private let writing = BackgroundQueue()
  private var tensors: [Later<TensorRecord>] = []
  private var figures: [Later<FigureRecord>] = []
  private var files: [Later<FileRecord>] = []

  /// Tensors of at most so many elements are kept even with `--tensors none`.
  public static let smallTensor = 65_536

  /// Begins a stage's folder.
  ///
  /// - Throws: `Fault` if the trace's folder cannot be written to.
  init(
    _ trace: Trace, source: Trace, stage: String, title: String,
    options: [String: OptionValue] = [:], keeping: Trace.Keeping = .full,
    drawsFigures: Bool = true, report: @escaping (String) -> Void = { _ in }
  ) throws {
    self.trace = trace
    self.source = source
    self.keeping = keeping
    self.drawsFigures = drawsFigures
    self.report = report
    lock = try trace.lockForWriting()
    draft = trace.folder.appending(path: ".\(stage).draft-\(UUID().uuidString)")
    record = StageRecord(
      format: StageRecord.currentFormat, stage: stage, title: title, options: options, reads: [:],
      tensors: [], figures: [], files: [])
    unfinished = Interruption.add { [draft] in try? FileManager.default.removeItem(at: draft) }
    do {
      for folder in [draft] + ["tensors", "figures"].map({ draft.appending(path: $0) }) {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
      }
    } catch {
      throw Fault(
        trace.folder.path, "the folder cannot be written to (\(reason(of: error)))",
        remedy: "Name another with --trace, or mend its permissions")
    }
  }

  deinit {
    guard !committed else { return }
    writing.finish()
    Interruption.forget(unfinished) { try? FileManager.default.removeItem(at: draft) }
  }

  /// Opens the folder of an earlier stage, and records that it was read.
  ///
  /// - Throws: `Fault` if the stage has not run, or was made from an earlier run of another stage
  ///   than the one that is there now.
  public func read(_ stage: String) throws -> StageFolder {
    let folder = try source.current(stage)
    record.reads[stage] = folder.checksum
    return folder
  }

  /// Adds a float tensor. `axes` names each axis: `["N", "C", "H", "W"]`.
  ///
  /// - Parameters:
  ///   - exactly: keeps 32 bits where half floats are asked for
  ///   - categoryColumns: of a matrix whose columns hold different things, those that are
  ///     categories
  public func add(
    _ name: String, _ tensor: Tensor, exactly: Bool = false, axes: [String], units: String,
    categoryColumns: [String]? = nil, note: String
  ) throws {
    // Half floats are too coarse for positions in an image, and too small for some activations.
    let isHalved =
      keeping == .half && !exactly && !units.hasSuffix("pixels")
      && tensor.values.allSatisfy { abs($0) <= 65504 }
    let stored = isHalved ? NumericArray(tensor.shape, .float16(tensor.values)) : nil
    try add(
      name, NumericArray(tensor), stored: stored, kind: .quantity, categoryColumns, axes: axes,
      units: units, note: note)
  }

  /// Adds boxes as a tensor `[count, 4]`, always as 32-bit floats.
  ///
  /// - Parameter units: `input pixels`, those of the resized image, or `image pixels`, the file's
  public func add(
    _ name: String, boxes: [Box], axis: String, units: String = "input pixels", note: String
  ) throws {
    try add(
      name, NumericArray(Tensor(boxes: boxes)), stored: nil, kind: .quantity,
      axes: [axis, "x1 y1 x2 y2"], units: units, note: note)
  }

  /// Adds integers.
  ///
  /// - Parameter kind: whether they are counts or sizes, or name something
  public func add(
    _ name: String, integers: [Int], shape: Shape? = nil, kind: TensorKind, axes: [String],
    units: String, note: String
  ) throws {
    let array = NumericArray(shape ?? [integers.count], integers: integers)
    try add(name, array, stored: nil, kind: kind, axes: axes, units: units, note: note)
  }

  /// Adds truth values along one axis, a category.
  public func add(
    _ name: String, flags: [Bool], axes: [String], units: String, note: String
  ) throws {
    let array = NumericArray([flags.count], .bool(flags))
    try add(name, array, stored: nil, kind: .category, axes: axes, units: units, note: note)
  }

  /// Adds a figure: the bytes of a PNG file. `source` is the file of the code that drew it.
  public func addFigure(
    _ name: String, png: [UInt8], caption: String, lookFor: String, source: String = #fileID
  ) throws {
    let file = "figures/\(name).png"
    let place = draft.appending(path: file)
    figures.append(
      Later(on: writing) {
        try writeWhole(png, to: place)
        return FigureRecord(
          file: file, caption: caption, lookFor: lookFor, source: source,
          crc32: Checksum.crc32(png))
      })
  }

  /// Adds a table or another file.
  public func addFile(_ name: String, _ bytes: [UInt8], caption: String) throws {
    let place = draft.appending(path: name)
    files.append(
      Later(on: writing) {
        try writeWhole(bytes, to: place)
        return FileRecord(file: name, caption: caption, crc32: Checksum.crc32(bytes))
      })
  }

  /// Puts the folder into the trace in place of an earlier run's, and gives it for reading.
  @discardableResult
  public func commit() throws -> StageFolder {
    record.tensors = try tensors.map { try $0.get() }
    record.figures = try figures.map { try $0.get() }
    record.files = try files.map { try $0.get() }
    let bytes = try encodeJSON(record)
    try writeWhole(bytes, to: draft.appending(path: "stage.json"))
    let final = trace.folder.appending(path: record.stage)
    let retired = trace.folder.appending(
      path: ".\(record.stage).old-\(UUID().uuidString)")
    try trace.saveFirst()
    let files = FileManager.default
    do {
      try Interruption.forget(unfinished) {
        if files.fileExists(atPath: final.path) { try files.moveItem(at: final, to: retired) }
        do {
          try files.moveItem(at: draft, to: final)
        } catch {
          try? files.moveItem(at: retired, to: final)
          throw error
        }
        try? files.removeItem(at: retired)
      }
    } catch {
      throw Fault(
        final.path, "the folder cannot be put in place (\(reason(of: error)))",
        remedy: "Name another with --trace, or mend its permissions")
    }
    committed = true
    let stage = StageFolder(
      folder: final, record: record, checksum: Checksum.crc32(bytes), inMemory: inMemory)
    try trace.adopt(stage)
    return stage
  }

  private func add(
    _ name: String, _ array: NumericArray, stored: NumericArray?, kind: TensorKind,
    _ categoryColumns: [String]? = nil, axes: [String], units: String, note: String
  ) throws {
    precondition(axes.count == array.shape.rank, "\(name): \(axes) does not name \(array.shape)")
    inMemory[name] = array
    let isKept = keeping != .none || array.shape.count <= StageWriter.smallTensor
    let file = "tensors/\(name).npy"
    let place = draft.appending(path: file)
    tensors.append(
      Later(on: writing) {
        let statistics = array.tensor.statistics
        var entry = TensorRecord(
          name: name, file: nil, dtype: (stored ?? array).typeName, shape: array.shape.extents,
          axes: axes, units: units, note: note, kind: kind, categoryColumns: categoryColumns,
          minimum: statistics.minimum, maximum: statistics.maximum, mean: statistics.mean,
          nonFinite: statistics.nonFinite > 0 ? statistics.nonFinite : nil, crc32: nil,
          samples: nil)
        if isKept {
          try NPY.withParts(of: stored ?? array) { header, elements in
            try writeWhole(header, then: elements, to: place)
            entry.crc32 = Checksum.crc32(header, then: elements)
          }
          entry.file = file
        }
        return entry
      })
  }
}

/// Removes what runs that were killed have left: drafts, files that were being written, and a stage's
/// earlier folder that was to be replaced, which is put back where it is the only one. Whoever calls
/// it holds the trace's lock.
func removeAbandoned(in trace: URL) {
  let files = FileManager.default
  for name in (try? files.contentsOfDirectory(atPath: trace.path)) ?? [] {
    let found = trace.appending(path: name)
    if let match = name.wholeMatch(of: /\.([0-9]-[a-z]+)\.(draft|old)-[0-9A-Fa-f-]+/) {
      let final = trace.appending(path: String(match.1))
      if match.2 == "old", !files.fileExists(atPath: final.path) {
        try? files.moveItem(at: found, to: final)
      } else {
        try? files.removeItem(at: found)
      }
    }
  }
  removeUnfinishedFiles(in: trace)
}
