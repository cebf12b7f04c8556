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
