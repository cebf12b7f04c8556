import Stage0Input
import Stage1Backbone
import Stage2Anchors
import Stage3Proposals
import Stage4RoI
import Stage5Heads
import Stage6Masks

/// How far the tensors of a trace may lie from the reference's, as parts of their ranges, and why.
///
/// A 32-bit float has 24 bits: one rounding is at most 6e-8 of a value. A sum of n products in
/// another order differs by some square root of n roundings of its greatest terms.
enum TraceTolerances {
  /// A stage alone, fed with the reference's tensors.
  static func alone(_ stage: String, _ tensor: String) -> Tolerance {
    // The levels of a tensor share its reason: `objectness.P2` is listed under `objectness`.
    let name = tensor.split(separator: ".P").first.map(String.init) ?? tensor
    return byTensor["\(stage) \(name)"] ?? .exact
  }

  private static let byTensor: [String: Tolerance] = {
    var table: [String: Tolerance] = [:]
    func set(_ stage: String, _ tensors: [String], _ relative: Float, _ reason: String) {
      for tensor in tensors { table["\(stage) \(tensor)"] = Tolerance(relative, reason) }
    }
    set(InputStage.name, ["image"], 0, "the same bytes, divided by 255 in both")
    set(InputStage.name, ["normalised"], 1e-6, "one subtraction and one division")
    set(InputStage.name, ["resized", "padded"], 1e-6, "four products of interpolation weights")

    let backbone = BackboneStage.name
    set(backbone, ["stem", "pooled"], 2e-6, "sums of 147 products; norms as one scale and shift")
    set(backbone, ["C2"], 5e-6, "four more layers of sums of some hundred products")
    set(backbone, ["C3", "C4", "C5"], 1e-5, "up to sixteen more, of up to some thousand products")
    set(backbone, ["P2", "P3", "P4", "P5", "P6"], 1e-5, "two more, on sums over the levels above")

    let anchors = AnchorsStage.name
    set(anchors, ["objectness", "deltas"], 1e-5, "sums of some hundred products, twice")

    let proposals = ProposalsStage.name
    set(proposals, ["candidates.boxes", "proposals"], 1e-6, "exp of two mathematical libraries")
    set(proposals, ["scores"], 1e-6, "exp of two mathematical libraries")

    set(RoIStage.name, ["features"], 1e-6, "interpolation weights, fused into a rounding or not")

    let heads = HeadsStage.name
    set(heads, ["box_features"], 1e-5, "sums of some thousand products, twice")
    set(heads, ["class_logits", "box_deltas"], 1e-5, "sums of some hundred products on those")
    set(heads, ["class_scores", "scores"], 1e-5, "exp, which turns absolute errors to relative")
    set(heads, ["refined", "boxes"], 1e-5, "deltas times a box's size, and exp")
    set(heads, ["mask_features"], 1e-5, "samples of a map at places that are off as boxes are")
    set(heads, ["mask_logits"], 1e-5, "six layers of sums of some hundred products on those")

    let masks = MasksStage.name
    set(masks, ["boxes"], 1e-6, "one product")
    set(masks, ["probabilities"], 1e-6, "exp of two mathematical libraries")
    set(masks, ["soft"], 1e-5, "interpolation weights in 32 bits, some 100 cells from the edge")
    return table
  }()

  /// All stages, each on what the one before computed.
  static func chained(_ stage: String, _ tensor: String) -> Tolerance {
    let own = alone(stage, tensor)
    let dependsOnTheImage = stage != InputStage.name && !tensor.contains("anchors")
    guard dependsOnTheImage else { return own }
    return Tolerance(
      5e-5, "\(own.reason); on what up to a hundred layers before it rounded likewise")
  }
}
