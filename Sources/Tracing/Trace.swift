import Foundation
import Tensors

/// A folder in which each stage leaves what it computed, and finds what earlier stages left.
///
///     trace/
///       trace.json
///       0-input/   stage.json  tensors/*.npy  images/*.png
///       1-backbone/ …
///
/// Stages that run in one process after another find each other's tensors in memory; a stage that
/// runs alone reads them from the folder and refuses a file whose checksum is not the recorded one.
public final class Trace {
  /// Which tensors of a stage are kept as files.
  public enum Keeping: String, Sendable, CaseIterable {
    /// All, as 32-bit floats.
    case full
    /// All, as 16-bit floats.
    case half
    /// Only the small ones; a later stage that is run alone then says what it lacks.
    case none
  }

  /// The trace's folder.
  public let folder: URL
  /// What `trace.json` says.
  public private(set) var record: TraceRecord
  private var remembered: [String: StageFolder] = [:]
  /// Held from the first stage that is written on.
  private var lock: FolderLock?
  /// Which `trace.json` was read; nil where there was none.
  private let opened: FileIdentity?

  /// The version of this package, as traces record it.
  public static let version = "0.1.0"

  private init(folder: URL, record: TraceRecord, opened: FileIdentity?) {
    (self.folder, self.record, self.opened) = (folder, record, opened)
  }

  private static func recordFile(in folder: URL) -> URL { folder.appending(path: "trace.json") }

  /// Locks the trace for this process, until the trace is released. The folder is made where there
  /// is none.
  ///
  /// - Throws: `Fault` if another process writes to it, or has since the trace was opened, or it
  ///   cannot be written to
  func lockForWriting() throws -> FolderLock {
    if let lock { return lock }
    let lock = try FolderLock.hold(folder, option: "--trace")
    guard FileIdentity(Self.recordFile(in: folder)) == opened else {
      throw Fault(
        folder.relativePath, "another run has written to this folder meanwhile",
        remedy: "Start the command again, or name another folder with --trace")
    }
    removeAbandoned(in: folder)
    self.lock = lock
    return lock
  }

  /// Writes `trace.json` where there is none: a folder with stages is a trace, even if the process
  /// ends before the stage that is about to be put into it is recorded.
  func saveFirst() throws {
    guard !FileManager.default.fileExists(atPath: Self.recordFile(in: folder).path) else { return }
    try save()
  }

  /// Opens a trace that exists.
  ///
  /// - Throws: `Fault` if the folder is missing or is no trace.
  public static func open(_ folder: URL) throws -> Trace {
    let file = folder.appending(path: "trace.json")
    let files = FileManager.default
    guard files.fileExists(atPath: file.path) else {
      guard !files.fileExists(atPath: folder.appending(path: "stage.json").path) else {
        throw Fault(
          folder.path, "this is one stage of a trace",
          remedy: "Name the trace, the folder around it")
      }
      throw Fault(
        folder.path, "there is no trace here (no trace.json)",
        remedy: "Make one with: swift run -c release maskrcnn --trace \(folder.relativePath)")
    }
    let opened = FileIdentity(file)
    let bytes = try readBytes(of: file)
    // Another format may lack what this one has, so the number is read first.
    let remedy =
      "Remove the folder and make the trace again: swift run -c release maskrcnn --trace "
      + quoted(folder.relativePath)
    let written: WrittenFormat = try decodeJSON(bytes, name: file.path, remedy: remedy)
    guard written.format == TraceRecord.currentFormat else {
      let image = (written.image ?? written.picture).map { [resolve($0, in: folder).path] } ?? []
      let words = image + ["--trace", folder.relativePath]
      throw Fault(
        file.path,
        "the trace has format \(written.format), this version reads "
          + "\(TraceRecord.currentFormat)",
        remedy: "Remove the folder and make the trace again: swift run -c release maskrcnn "
          + words.map(quoted).joined(separator: " "))
    }
    return Trace(
      folder: folder, record: try decodeJSON(bytes, name: file.path, remedy: remedy),
      opened: opened)
  }

  /// What is read of a record of any format; the image was a picture in format 1.
  private struct WrittenFormat: Decodable {
    var format: Int
    var image: String?
    var picture: String?
  }

  /// Opens a trace, or begins one where there is none.
  ///
  /// The folder itself is made when the first stage writes to it.
  ///
  /// - Throws: `Fault` if the folder holds something else than a trace.
  public static func openOrBegin(_ folder: URL) throws -> Trace {
    if FileManager.default.fileExists(atPath: folder.appending(path: "trace.json").path) {
      return try open(folder)
    }
    let contents = try? FileManager.default.contentsOfDirectory(atPath: folder.path)
    if contents?.contains(where: { !$0.hasPrefix(".") }) == true {
      throw Fault(
        folder.path, "the folder holds other things than a trace",
        remedy: "Name an empty folder or a new one with --trace")
    }
    return Trace(
      folder: folder, record: TraceRecord(version: version, stages: []), opened: nil)
  }

  /// The image that the trace is of.
  public var image: URL? { record.image.map(resolve) }

  /// The weights that the trace was made with.
  public var weights: URL? { record.weights.map(resolve) }

  /// Where it is stored which objects there are in the image.
  public var truth: (file: URL, imageID: Int?, label: String?)? {
    record.truth.map { (resolve($0.file), $0.imageID, $0.label) }
  }

  /// Notes which image the trace is of; written when the next stage is done. The truth about
  /// another image is forgotten.
  ///
  /// - Parameter checksum: CRC-32 of the file; nil where it is not known
  public func setImage(_ file: URL, checksum: String? = nil) {
    let image = path(from: folder, to: file)
    let isSame = record.image == image || (checksum != nil && record.imageChecksum == checksum)
    if !isSame { record.truth = nil }
    (record.image, record.imageChecksum) = (image, checksum)
  }

  /// Notes where it is stored which objects there are; written when the next stage is done.
  ///
  /// - Parameters:
  ///   - imageID: the image's number in the file; nil where its name tells
  ///   - label: the class of all objects; nil where the file tells
  ///   - checksum: CRC-32 of the file
  public func setTruth(_ file: URL, imageID: Int?, label: String?, checksum: String? = nil) {
    record.truth = TraceRecord.Truth(
      file: path(from: folder, to: file), checksum: checksum, imageID: imageID, label: label)
  }

  /// Notes what a reader should know of a stage before all else, until it is run again.
  ///
  /// - Parameter mistake: the mistake that was made in it on purpose
  /// - Throws: `Fault` if the trace's folder cannot be written to.
  public func setNote(_ text: String, of stage: String, mistake: String? = nil) throws {
    _ = try lockForWriting()
    record.note = TraceRecord.Note(stage: stage, text: text, mistake: mistake)
    try save()
  }

  /// Notes which weights the trace is made with, and the settings in place of the file's own;
  /// written when the next stage is done.
  ///
  /// - Parameter checksum: CRC-32 of the file
  public func setWeights(
    _ file: URL, checksum: String? = nil, settings: [String: String] = [:]
  ) {
    (record.weights, record.weightsChecksum) = (path(from: folder, to: file), checksum)
    record.settings = settings.isEmpty ? nil : settings
  }

  /// What an earlier stage left.
  ///
  /// - Throws: `Fault` if the stage has not run, or its folder is not what was written.
  public func stage(_ name: String) throws -> StageFolder {
    if let known = remembered[name] { return known }
    let opened = try StageFolder.open(folder.appending(path: name), name: name)
    remembered[name] = opened
    return opened
  }

  /// Whether the trace has a stage's folder.
  public func has(_ name: String) -> Bool {
    remembered[name] != nil
      || FileManager.default.fileExists(
        atPath: folder.appending(path: name).appending(path: "stage.json").path)
  }

  /// The stages in the trace, in the order of the pipeline.
  public var stages: [String] {
    folders.filter { has($0) }.sorted()
  }

  /// The stages of which there is a folder, or of which `trace.json` says that there is one, in the
  /// order of the pipeline. One that `stages` lacks is damaged.
  public var recordedStages: [String] { Set(folders + record.stages).sorted() }

  private var folders: [String] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    return names.filter(isStageName)
  }

  /// Whether a folder's name is a stage's: a digit, a dash, a word. Others, such as a copy of a
  /// stage that somebody keeps, are left alone.
  private func isStageName(_ name: String) -> Bool {
    name.wholeMatch(of: /[0-9]-[a-z]+/) != nil
  }

  /// Puts a finished stage in the place of an earlier run of it, in memory and in `trace.json`.
  func adopt(_ stage: StageFolder) throws {
    remembered[stage.record.stage] = stage
    if record.note?.stage == stage.record.stage { record.note = nil }
    try save()
  }

  private func save() throws {
    record.stages = stages
    record.version = Trace.version
    try writeWhole(encodeJSON(record), to: Self.recordFile(in: folder))
  }

  private func resolve(_ path: String) -> URL { Self.resolve(path, in: folder) }

  private static func resolve(_ path: String, in folder: URL) -> URL {
    path.hasPrefix("/")
      ? URL(fileURLWithPath: path)
      : folder.resolvingSymlinksInPath().appending(path: path).standardizedFileURL
  }
}

/// By which it is seen whether a file is still the one that was read.
private struct FileIdentity: Equatable {
  private let numbers: [Int]

  /// Nil where there is no such file.
  init?(_ file: URL) {
    var status = stat()
    guard stat(file.path, &status) == 0 else { return nil }
    #if canImport(Darwin)
      let changed = status.st_mtimespec
    #else
      let changed = status.st_mtim
    #endif
    numbers = [Int(status.st_dev), Int(status.st_ino), changed.tv_sec, changed.tv_nsec]
  }
}

/// The path from a folder to a file: relative where both lie in one folder below a top-level one
/// (`/home/ada`), so that what is moved together still fits; absolute otherwise.
private func path(from folder: URL, to file: URL) -> String {
  let way = steps(from: folder, to: file)
  return way.shared > 2 ? way.steps.joined(separator: "/") : file.standardizedFileURL.path
}

/// The way from a folder to a file or folder: `..` for each step up, then the names on the way
/// down; and how many folders both lie in, the root counted.
public func steps(from folder: URL, to file: URL) -> (steps: [String], shared: Int) {
  let from = folder.standardizedFileURL.resolvingSymlinksInPath().pathComponents
  let to = file.standardizedFileURL.resolvingSymlinksInPath().pathComponents
  let shared = zip(from, to).prefix { $0 == $1 }.count
  return ([String](repeating: "..", count: from.count - shared) + to[shared...], shared)
}
