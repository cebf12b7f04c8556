import Commands
import Stage1Backbone

StageCommand<BackboneStage>.start()
