import Ablations
import ArgumentParser
import Figures
import Foundation
import Kernels
import Tensors
import Tracing

extension SweepAxis: ExpressibleByArgument {}

/// `roi sweep`: a proposal slides by fractions of a cell, read by each operator.
struct SweepCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sweep",
    abstract: "Slide a proposal by a cell in 1/16 steps: RoIPool's stairs, RoIAlign's line.",
    discussion: "Guide: chapter 4. Source: Sources/Ablations.")

  @Option(help: "The trace's folder, with the stages input, backbone, anchors and proposals.")
  var trace = "trace"
  @Option(
    parsing: .unconditional,
    help: "Which proposal. Default: the best that does not touch the image's edge.")
  var proposal: Int?
  @Option(
    parsing: .unconditional,
    help: "Which channel. Default: the one that varies most where the proposal slides.")
  var channel: Int?
  @Option(help: "Where it slides: x, to the right, or y, down.")
  var axis = SweepAxis.x
  @Option(
    help: ArgumentHelp(
      "The bin whose response is drawn, counted from 0. Default: the middle.",
      valueName: "row,column"))
  var bin: String?
  @Option(parsing: .unconditional, help: "How many cells it slides.")
  var cells = 1
  @Option(help: "The folder for sweep-x.csv and sweep-x.png. Default: sweep in the trace.")
  var into: String?

  /// The bin's row and column; nil where none was given.
  private func place() throws -> (row: Int, column: Int)? {
    guard let bin else { return nil }
    let parts = bin.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) }
    guard parts.count == 2, let row = parts[0], let column = parts[1] else {
      throw ValidationError("--bin is \(bin); give a row and a column, such as 3,3.")
    }
    return (row, column)
  }

  func validate() throws {
    _ = try place()
    guard (1...64).contains(cells) else {
      throw ValidationError("--cells is \(cells); give 1 to 64.")
    }
  }

  func run() throws {
    let source = try Trace.open(URL(fileURLWithPath: trace))
    let found = try source.namingCommands {
      try TraceSweep(
        source, proposal: proposal, channel: channel, axis: axis, bin: place(), cells: cells)
    }
    let folder = into ?? (trace as NSString).appendingPathComponent("sweep")
    try write(found, to: URL(fileURLWithPath: folder))
    let sweep = found.sweep
    print(
      "Proposal \(found.proposal) slides by \(cells) \(cells == 1 ? "cell" : "cells") of "
        + "P\(found.level) (stride \(sweep.stride)) along \(axis), in steps of 1/16.\n")
    var table = Table(
      [
        "operator", "largest jump of all", "of the range",
        "of bin \(sweep.bin.row),\(sweep.bin.column), channel \(sweep.channel)", "of the range",
      ], right: [1, 2, 3, 4])
    for curve in sweep.curves {
      table.add(
        [curve.name]
          + [curve.largestJump, curve.largestJumpInBin].flatMap { jump in
            [
              Numerals.decimals(Double(jump), 4),
              "\(Numerals.decimals(Double(100 * sweep.relative(jump)), 2)) %",
            ]
          })
    }
    print(table.text)
    print("\nThe range of P\(found.level) is \(Numerals.decimals(Double(sweep.range), 3)).")
    print("Look at \(folder)/\(name).png; the numbers are in \(folder)/\(name).csv")
  }

  /// What the files are called: each axis has its own.
  private var name: String { "sweep-\(axis.rawValue)" }

  private func write(_ found: TraceSweep, to folder: URL) throws {
    do {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      try writeWhole(Array(found.sweep.csv.utf8), to: folder.appending(path: "\(name).csv"))
      try writeWhole(found.figure.png(), to: folder.appending(path: "\(name).png"))
    } catch {
      throw Fault(
        folder.relativePath, "the files cannot be written",
        remedy: "Name another folder with --into, or free space")
    }
  }
}
