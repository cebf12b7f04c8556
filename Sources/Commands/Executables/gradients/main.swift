import Commands
import Stage9Gradients

LearningCommand<GradientsStage>.main()
