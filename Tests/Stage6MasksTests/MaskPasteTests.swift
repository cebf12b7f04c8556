import Stage6Masks
import Tensors
import Testing

@Suite struct MaskPasteTests {
  private let full = Tensor([28, 28], repeating: 1)

  @Test("a full mask fills its box, and its border fades outside it")
  func fullMask() {
    // The box grows by 30/28 about (24, 24): 15 … 33 grown from 28 pixels 10 … 38 to 9 … 39.
    let pasted = pasteMask(full, box: Box(10, 10, 38, 38), width: 64, height: 64)
    #expect(pasted.window == Window(9, 9, 40, 40))
    let hard = pasted.binary(threshold: 0.5)
    // Row 20 of the image, from column 11 to 37, lies well inside.
    for column in 11...37 { #expect(hard[(20 - 9) * 31 + column - 9]) }
    #expect(!hard[0])
  }

  @Test("what lies outside the image is cut off")
  func borders() {
    let pasted = pasteMask(full, box: Box(-14, -14, 14, 14), width: 10, height: 8)
    #expect(pasted.window == Window(0, 0, 10, 8))
    #expect(pasted.probabilities.count == 80)
    #expect(pasted.probabilities[0] == 1)
    let outside = pasteMask(full, box: Box(100, 100, 120, 120), width: 10, height: 8)
    #expect(outside.probabilities.isEmpty && outside.window.width == 0)
  }

  @Test("where masks overlap, the first has the pixel")
  func labels() {
    let masks = [
      PastedMask(window: Window(0, 0, 2, 1), probabilities: [0.9, 0.4]),
      PastedMask(window: Window(0, 0, 3, 1), probabilities: [0.9, 0.9, 0.5]),
    ]
    // Pixel 2 of the second is at the threshold, not over it.
    #expect(labelMap(masks, threshold: 0.5, width: 3, height: 1) == [1, 2, 0])
  }
}

@Suite struct RunLengthEncodingTests {
  @Test("runs go down the columns and begin with 0")
  func runs() {
    // 0 1
    // 1 1   by columns: 0 1 1 1
    let runs = RunLengthEncoding(
      [false, true, true, true], in: Window(0, 0, 2, 2), width: 2, height: 2)
    #expect(runs.runs == [1, 3])
  }

  @Test("a window's surroundings are 0")
  func window() {
    let runs = RunLengthEncoding([true], in: Window(1, 1, 2, 2), width: 3, height: 3)
    #expect(runs.runs == [4, 1, 4])
  }

  @Test("text: five bits a character, differences from the fourth run on, by hand")
  func text() {
    // 0 … 15 fit one character, 48 + run; 16 needs a second: low five bits 10000 with "more" (48 +
    // 48 = 96, "`"), then 0 ("0").
    func counts(_ runs: [Int]) -> String {
      var pixels: [Bool] = []
      for (index, run) in runs.enumerated() {
        pixels += [Bool](repeating: index % 2 == 1, count: run)
      }
      return RunLengthEncoding(
        pixels, in: Window(0, 0, 1, pixels.count), width: 1, height: pixels.count
      ).counts
    }
    #expect(counts([4, 1, 4]) == "414")
    #expect(counts([16, 1]) == "`01")
    // The fourth run, 2, less the second, 3, is -1: all ones, one character, 48 + 31.
    #expect(counts([1, 3, 1, 2]) == "131O")
  }
}
