# Standardised differences of shares by hand (Austin 2009), from counts of public data. Run in this folder: Rscript threats.R
source("common.R")

standardised <- function(name, level, after) {
  p1 <- mean(level[after]); p0 <- mean(level[!after])
  list(name = name, k1 = sum(level[after]), n1 = sum(after), k0 = sum(level[!after]), n0 = sum(!after),
    standardised = (p1 - p0) / sqrt((p1 * (1 - p1) + p0 * (1 - p0)) / 2))
}

each_level <- function(name, factor, after) {
  kept <- !is.na(factor) & !is.na(after)
  lapply(sort(unique(factor[kept])), function(level) standardised(paste(name, level), factor[kept] == level, after[kept]))
}

cases <- list(standardised = c(
  each_level("pbc stage by drug", pbc$stage, pbc$trt == 2),
  each_level("colon differentiation by arm", colon$differ[colon$etype == 2], colon$rx[colon$etype == 2] == "Lev+5FU"),
  each_level("birthwt race by smoking", MASS::birthwt$race, MASS::birthwt$smoke == 1),
  each_level("rotterdam size by hormone", as.character(rotterdam$size), rotterdam$hormon == 1),
  each_level("infert education by case", as.character(infert$education), infert$case == 1)))
write_reference("threats.R", c("survival", "MASS"), cases)
