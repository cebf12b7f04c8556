extension Exhibit {
  /// Every candidate that stage 3 looked at, and what suppressed it.
  static let suppression = Exhibit(
    name: "suppression",
    uses: ["shared/scene", "suppression/nms", "suppression/candidates", "shared/paged-list"],
    stage: "3-proposals", title: "Non-maximum suppression",
    lead: """
      Many anchors find the same object. Non-maximum suppression (NMS) takes the candidates of a \
      level in descending order of score; a candidate is suppressed if its intersection over union \
      (IoU) with a better one that was kept is greater than the threshold. Choose a candidate in the \
      image or in the list to see which box suppressed it, or which ones it suppressed. Then move \
      the threshold.
      """
  ) { source, data in
    try CandidatesContent.gather(source, &data)
  }
}
