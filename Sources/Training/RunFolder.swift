import Foundation
import Tensors
import Tracing

/// The folder of a run: where everything is, and what is needed to go on with it.
public struct RunFolder: Sendable {
  /// What a run was begun with, beside the configuration, which is in the checkpoint.
  public struct Origin: Codable, Sendable, Equatable {
    /// The data's folder; nil for scenes of shapes.
    public var data: String?
    /// The weights that training began with; nil from the start.
    public var weights: String?
    /// Where the result is written too.
    public var out: String?
    /// Whether it is written there with 16 bits for each number.
    public var isHalf: Bool

    /// Makes an origin.
    public init(data: String?, weights: String?, out: String?, isHalf: Bool) {
      (self.data, self.weights, self.out, self.isHalf) = (data, weights, out, isHalf)
    }
  }

  /// The folder.
  public let url: URL
  /// Held as long as this value is used.
  private let lock: FolderLock

  /// What training goes on from.
  public var checkpoint: URL { url.appending(path: Self.checkpointName) }
  private static let checkpointName = "checkpoint.safetensors"
  /// A line per step.
  public var losses: URL { url.appending(path: "losses.csv") }
  /// A line now and then.
  public var log: URL { url.appending(path: "log.txt") }
  /// The network as it is.
  public var weights: URL { url.appending(path: "weights.safetensors") }
  /// The losses over the steps.
  public var curves: URL { url.appending(path: "curves.png") }
  private var origin: URL { url.appending(path: "run.json") }

  /// Makes the folder of a new run: the named one, or the next number in `runs/`.
  ///
  /// - Throws: `Fault` if there is a run in it already, or it cannot be made
  public init(new path: String?) throws {
    if let path {
      url = URL(fileURLWithPath: path)
    } else {
      let runs = URL(fileURLWithPath: "runs")
      var number = 1
      while FileManager.default.fileExists(atPath: runs.appending(path: "\(number)").path) {
        number += 1
      }
      url = runs.appending(path: "\(number)")
    }
    lock = try FolderLock.hold(url, option: "--run")
    // Without a checkpoint there is nothing to go on from: the run ended before its first step.
    guard !FileManager.default.fileExists(atPath: checkpoint.path) else {
      throw Fault(
        url.relativePath, "there is a run in this folder",
        remedy: "Go on with it by --resume \(url.relativePath), or name another folder with --run")
    }
    removeUnfinishedFiles(in: url)
  }

  /// Opens the folder of a run that is gone on with.
  ///
  /// - Throws: `Fault` if there is no checkpoint in it
  public init(resumed path: String) throws {
    url = URL(fileURLWithPath: path)
    let checkpoint = url.appending(path: Self.checkpointName)
    guard FileManager.default.fileExists(atPath: checkpoint.path) else {
      throw Fault(
        path, "there is no checkpoint in this folder", remedy: "Name the folder of a run, runs/1")
    }
    lock = try FolderLock.hold(url, option: "--run")
    removeUnfinishedFiles(in: url)
  }

  /// Notes what the run is begun with.
  ///
  /// - Throws: `Fault` if it cannot be written
  public func note(_ origin: Origin) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    try writeWhole(Array(try encoder.encode(origin)) + [0x0a], to: self.origin)
  }

  /// What the run was begun with.
  ///
  /// - Throws: `Fault` if there is no such note
  public func readOrigin() throws -> Origin {
    do {
      return try JSONDecoder().decode(Origin.self, from: readData(of: origin))
    } catch {
      throw Fault(
        origin.relativePath, "it does not tell how the run was begun", remedy: "Train again")
    }
  }

  /// Appends a line to the log.
  public func log(_ line: String) {
    if !FileManager.default.fileExists(atPath: log.path) {
      _ = FileManager.default.createFile(atPath: log.path, contents: nil)
    }
    guard let handle = try? FileHandle(forWritingTo: log) else { return }
    _ = try? handle.seekToEnd()
    try? handle.write(contentsOf: Data((line + "\n").utf8))
    try? handle.close()
  }
}
