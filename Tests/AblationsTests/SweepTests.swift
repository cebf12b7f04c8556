import Foundation
import Stage4RoI
import TestFixtures
import Tensors
import Testing
import Tracing

@testable import Ablations

@Suite struct SweepTests {
  /// A level of 16 x 32 cells that rises by 3 from column to column; and a second channel, its
  /// double.
  private let ramp = Tensor(
    [2, 16, 32],
    [3, 6].flatMap { (slope: Int) in
      (0..<16 * 32).map { (cell: Int) in Float(slope * (cell % 32)) }
    })

  /// Columns and rows 5 to 12 at stride 8: seven cells, one to a bin.
  private let box = Box(40, 40, 96, 96)

  private func sweep(axis: SweepAxis = .x, cells: Int = 1) -> Sweep {
    Sweep(ramp, box: box, stride: 8, axis: axis, cells: cells, channel: 0, bins: 7)
  }

  @Test("on a ramp RoIAlign's response is a line: slope times shift, to the bit")
  func line() {
    let result = sweep()
    #expect(result.positions == (0...16).map { Float($0) / 16 })
    // The middle of bin 3 lies at 5 + 3.5 cells, and half a cell before that if aligned.
    #expect(result.curves[2].values == result.positions.map { 3 * (8.5 + $0) })
    #expect(result.curves[3].values == result.positions.map { 3 * (8 + $0) })
    // The second channel rises twice as fast: 6 / 16 a step.
    #expect(result.curves[2].largestJump == 0.375 && result.curves[2].largestJumpInBin == 0.1875)
  }

  @Test("on a ramp RoIPool's and RoIWarp's responses are stairs")
  func stairs() {
    let result = sweep(cells: 2)
    // Rounded, the RoI has cells 5 to 12, eight of them; bin 3 has 8 and 9, and gives 27. From a
    // shift of a half on all is one cell further, from one and a half on two.
    let stairs = result.positions.map { Float($0 < 0.5 ? 27 : $0 < 1.5 ? 30 : 33) }
    #expect(result.curves[0].values == stairs)
    #expect(result.curves[0].largestJumpInBin == 3 && result.curves[0].largestJump == 6)
    // RoIWarp's bin 3 is the middle of the eight cells, 5 + 4.
    #expect(result.curves[1].values.count == stairs.count)
    #expect(zip(result.curves[1].values, stairs).allSatisfy { abs($0 - $1) < 1e-4 })
    #expect(result.range == 6 * 31)
    #expect(result.relative(result.curves[0].largestJump) == 1.0 / 31)
    // All bins of the second channel jump alike, so it is the first: it has cells 5 and 6, then one
    // further.
    let (channel, row, column) = result.jump
    #expect(channel == 1 && row == 0 && column == 0)
    #expect(
      result.curves[0].valuesAtJump
        == result.positions.map { Float($0 < 0.5 ? 36 : $0 < 1.5 ? 42 : 48) })
  }

  @Test("across the ramp nothing changes")
  func across() {
    #expect(sweep(axis: .y).curves.allSatisfy { $0.largestJump < 1e-4 })
  }

  @Test("the table has a line per position and a column per operator")
  func table() {
    let lines = sweep().csv.split(separator: "\n")
    #expect(lines.count == 18)
    #expect(
      lines[0] == "shift in cells,shift in input pixels,RoIPool,RoIWarp,RoIAlign,RoIAlign aligned")
    #expect(lines[1].hasPrefix("0.0,0.0,27.0,27.0"))
    #expect(lines[17].hasPrefix("1.0,8.0,30.0,"))
  }

  @Test("at shift 0 a trace's sweep reads what its stage 4 read")
  func trace() throws {
    let trace = try Trace.open(fixturesFolder.appending(path: "golden/bundled"))
    let features = try trace.stage(RoIStage.name).tensor("features")
    for bin in [(3, 3), (0, 6)] {
      let found = try TraceSweep(trace, channel: 5, axis: .y, bin: bin)
      let expected = features[found.proposal, 5, bin.0, bin.1]
      #expect(abs(found.sweep.curves[2].values[0] - expected) < 1e-4)
      #expect(found.sweep.curves[0].largestJump > found.sweep.curves[2].largestJump)
    }
    // The channel that varies most, by default.
    let other = try TraceSweep(trace)
    #expect(other.sweep.surroundings.statistics.maximum > 0)
    #expect(!other.figure.png().isEmpty)
    for wrong in [
      { try TraceSweep(trace, proposal: 100_000) }, { try TraceSweep(trace, channel: -1) },
      { try TraceSweep(trace, bin: (7, 0)) },
    ] {
      #expect(throws: Fault.self) { try wrong() }
    }
  }
}
