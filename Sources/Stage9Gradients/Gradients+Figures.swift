import Figures
import Stage0Input
import Stage1Backbone
import Stage8Losses
import Tensors

/// What stage 9 draws from.
struct GradientDrawing: Sendable {
  /// What the gradients are of: `the sum of the five losses`.
  let name: String
  /// By how many times its gradient a parameter is moved.
  let learningRate: Float
  /// dP2 … dP6, dC2 … dC5.
  let pyramid: [FeatureMap]
  let trunk: [FeatureMap]
  /// dL/dinput, `[3, H, W]`, without padding.
  let input: Tensor
  let backdrop: Backdrop
  /// One RoI's gradient; nil where no loss of a head is followed back.
  let example: RoIGradientExample?
  let norms: [ParameterNorm]
  let losses: [LossName]
  let step: DescentStep

  var figures: [StageFigure] {
    [
      StageFigure(
        "pyramid",
        lookFor: "single objects, and levels that are nearly empty: no RoI was read from them, and "
          + "no sampled anchor belongs to them."
      ) { pyramidFigure },
      StageFigure(
        "trunk",
        lookFor: "the same places as in the pyramid, more of them from C5 to C2: each layer's "
          + "gradient is the sum of what comes from its own level and from the layers above."
      ) { trunkFigure },
      StageFigure(
        "input",
        lookFor: "which objects light up: those with a large loss. It depends on the pixels in and "
          + "around them, and hardly on those of objects that are found well already."
      ) { inputFigure },
      StageFigure(
        "parameters",
        lookFor: "which parts have a gradient at all: the mask loss changes the mask head, the "
          + "pyramid and the trunk, never the RPN head or the box head."
      ) { parametersFigure },
      StageFigure(
        "step",
        lookFor: "the sum, which falls while the learning rate is small enough. A single loss may "
          + "rise: the gradient is that of the sum. With --learning-rate 0.1 the sum rises too."
      ) { stepFigure },
    ] + (example.map { [$0.figure] } ?? [])
  }

  var pyramidFigure: Figure {
    Figure(
      "The gradient at the pyramid: \(pyramid.range)",
      caption: "\(explanation) It comes from the RoIs that are read from a level and from the "
        + "region proposal network; at levels that no RoI is read from, from the latter alone. "
        + "Each level has its own colour bar.",
      columns: 3
    ) {
      for map in pyramid { heatmap(map, side: 280) }
    }
  }

  var trunkFigure: Figure {
    Figure(
      "The gradient at the trunk: \(trunk.range)",
      caption: "\(explanation) Each layer has its own colour bar.", columns: 2
    ) {
      for map in trunk { heatmap(map, side: 320) }
    }
  }

  private var explanation: String {
    "The gradient of \(name), summed over the channels of each cell. Red: the loss grows with "
      + "the cell's activations; blue: it falls. The colours end at the strongest 0.5 %."
  }

  private func heatmap(_ map: FeatureMap, side: Float) -> Heatmap {
    let channels = Float(map.channels)
    let sum = Tensor(map.mean.shape, map.mean.values.map { $0 * channels })
    var heatmap = Heatmap(
      sum, "\(map.name): \(map.channels) channels, stride \(Numerals.short(map.stride))",
      cellSize: map.stride, scale: .diverging(limit: limit(sum.values)), units: "loss / activation")
    heatmap.zoom = side / (Float(max(sum.shape[0], sum.shape[1])) * map.stride)
    heatmap.axisUnit = "input pixels"
    return heatmap
  }

  /// The magnitude that 99.5 % of the values that are not 0 stay below.
  private func limit(_ values: [Float]) -> Float {
    let magnitudes = values.map(abs).filter { $0.isFinite && $0 > 0 }.sorted()
    return magnitudes.isEmpty ? 1 : magnitudes[(magnitudes.count - 1) * 995 / 1000]
  }

  var inputFigure: Figure {
    let (rows, columns) = (input.shape[1], input.shape[2])
    let plane = rows * columns
    let strength = Tensor(
      [rows, columns],
      (0..<plane).map { place in
        norm([input.values[place], input.values[plane + place], input.values[2 * plane + place]])
      })
    let most = limit(strength.values)
    return Figure(
      "The gradient at the input",
      caption: "How much \(name) changes with each pixel: the norm of its gradient by red, "
        + "green and blue. The colours end at the strongest 0.5 %.", columns: 2
    ) {
      image
      heat(strength, most)
    }
  }

  private var image: ImageView {
    var view = ImageView(backdrop.raster, "The resized image", dimmed: 0)
    view.longestSide = 520
    return view
  }

  private func heat(_ strength: Tensor, _ most: Float) -> Heatmap {
    var heatmap = Heatmap(
      strength, "Norm of the gradient at each pixel", scale: .sequential(0...most),
      units: "loss / normalised value")
    heatmap.zoom = 520 / Float(max(strength.shape[0], strength.shape[1]))
    heatmap.axisUnit = "input pixels"
    return heatmap
  }

  var parametersFigure: Figure {
    Figure(
      "The gradient of each loss at each part of the network",
      caption: "The L2 norm of the gradient of all parameters of a part together, one colour per "
        + "loss. Each chart has its own axis.", columns: 3
    ) {
      for loss in losses {
        Chart.bars(
          NetworkPart.allCases.map { part in
            Chart.Bar(part.rawValue, norms.norm(of: part, loss), loss.colour)
          }, loss.words, axis: "norm of the gradient")
      }
    }
  }

  var stepFigure: Figure {
    Figure(
      "One step of gradient descent on \(name)",
      caption:
        "Every learned parameter p becomes p − \(Numerals.short(learningRate, digits: 6)) · dL/dp; "
        + "then the losses are computed again over the same anchors and RoIs.", columns: 2
    ) {
      TablePanel(
        "The five losses", header: ["loss", "before", "after", "change"], rows: step.rows,
        keys: LossName.allCases.map(\.colour))
    }
  }
}

extension LossName {
  /// The colour of its bars.
  var colour: Colour {
    Palette.level(2 + (LossName.allCases.firstIndex(of: self) ?? 0))
  }
}
