import Commands
import Stage7Targets

LearningCommand<TargetsStage>.start()
