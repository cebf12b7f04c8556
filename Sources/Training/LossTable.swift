import Foundation
import Stage8Losses
import Tensors

/// `losses.csv`: a line per step, appended as the step is taken.
public struct LossTable {
  private let file: URL
  private let handle: FileHandle

  /// The names of the columns.
  public static let header =
    (["step"] + LossName.allCases.map(\.rawValue) + [
      "total", "rate", "gradient_norm", "seconds",
    ]).joined(separator: ",")

  /// Opens a table and keeps the lines up to a step: what a run wrote after its last checkpoint
  /// will be computed again.
  ///
  /// - Throws: `Fault` if the file cannot be written
  public init(_ file: URL, upTo step: Int) throws {
    let old = step > 0 ? LossTable.rows(file).prefix { $0.step <= step } : []
    let lines = [LossTable.header] + old.map(\.line)
    do {
      try writeWhole(Array((lines.joined(separator: "\n") + "\n").utf8), to: file)
      handle = try FileHandle(forWritingTo: file)
      try handle.seekToEnd()
    } catch {
      throw Fault(file.path, "the file cannot be written", remedy: "Free space or name another run")
    }
    self.file = file
  }

  /// Appends a step's line.
  ///
  /// - Throws: `Fault` if the disk is full
  public func append(_ report: StepReport, seconds: Double) throws {
    do {
      try handle.write(contentsOf: Data((Row(report, seconds: seconds).line + "\n").utf8))
    } catch {
      throw Fault(file.path, "the file cannot be written", remedy: "Free some space and resume")
    }
  }

  /// A line.
  public struct Row: Sendable {
    /// The step's number, from 1.
    public let step: Int
    /// The five losses, their sum, the rate, the gradient's norm, seconds.
    public let values: [Double]
    fileprivate let line: String

    fileprivate init(_ report: StepReport, seconds: Double) {
      step = report.step
      let numbers = report.losses + [report.total, report.rate]
      values = numbers.map(Double.init) + [report.gradientNorm, seconds]
      line =
        ([String(report.step)] + numbers.map { "\($0)" }
        + ["\(report.gradientNorm)", "\((seconds * 1000).rounded() / 1000)"])
        .joined(separator: ",")
    }

    fileprivate init?(_ line: Substring) {
      let cells = line.split(separator: ",", omittingEmptySubsequences: false)
      guard cells.count == LossTable.header.split(separator: ",").count, let step = Int(cells[0])
      else { return nil }
      self.step = step
      values = cells.dropFirst().map { Double($0) ?? .nan }
      self.line = String(line)
    }
  }

  /// The whole lines of a table; a last line that a killed run left unfinished is dropped.
  public static func rows(_ file: URL) -> [Row] {
    guard let data = try? Data(contentsOf: file) else { return [] }
    return String(decoding: data, as: UTF8.self).split(separator: "\n").compactMap { Row($0) }
  }
}
