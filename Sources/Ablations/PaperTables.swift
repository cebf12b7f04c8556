// What the paper reports of the same comparison. He et al. 2017, tables 2b to 2e: mask AP on COCO,
// ResNet-50, one level of stride 16 (C4), one of stride 32 (C5), and a pyramid.

import Training

/// Mask AP, AP50 and AP75 in percent, as the paper prints them.
public struct PaperResult: Sendable, Equatable {
  /// `2b` to `2e`
  public let table: String
  /// COCO's average precision of the masks.
  public let ap: Double
  /// The same where an IoU of 0.5 counts as found.
  public let ap50: Double
  /// The same where an IoU of 0.75 counts as found.
  public let ap75: Double

  /// The paper's row of a network; nil where it has none. Tables 2d and 2e do not say how RoIAlign
  /// reduces its samples; the average is assumed. Table 2b's sigmoid is table 2c's average.
  public init?(_ levels: SmallNetworkLevels, _ variant: AblationVariant) {
    let row: (String, Double, Double, Double)? =
      switch (levels, variant) {
      case (.stride16, .pool): ("2c", 26.9, 48.8, 26.4)
      case (.stride16, .warp): ("2c", 27.1, 48.9, 27.1)
      case (.stride16, .alignMaximum): ("2c", 30.2, 51.0, 31.8)
      case (.stride16, .alignAverage): ("2c", 30.3, 51.2, 31.5)
      case (.stride16, .softmaxMasks): ("2b", 24.8, 44.1, 25.1)
      case (.stride32, .pool): ("2d", 23.6, 46.5, 21.6)
      case (.stride32, .alignAverage): ("2d", 30.9, 51.8, 32.1)
      case (.pyramid, .alignAverage): ("2e", 33.6, 55.2, 35.3)
      case (.pyramid, .mlpMaskHead): ("2e", 31.5, 53.7, 32.8)
      default: nil
      }
    guard let row else { return nil }
    (table, ap, ap50, ap75) = row
  }
}
