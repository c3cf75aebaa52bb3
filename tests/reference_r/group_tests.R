# Log-rank (survival) and Gray (cmprsk) tests of two and more groups, stratified too. Run in this folder: Rscript group_tests.R
source("common.R"); suppressPackageStartupMessages(library(cmprsk))

gray <- function(...) { test <- cuminc(...)$Tests["1", ]; figures(test[["stat"]], test[["df"]]) }
log_rank <- function(formula, data) { test <- survdiff(formula, data); figures(test$chisq, nrow(as.matrix(test$exp)) - 1) }

case <- function(name, data) {
  by_hand <- list(gray_by_hand(data), gray_by_hand(data, data$stratum))
  by_cmprsk <- with(data, list(gray(time, status, group), gray(time, status, group, stratum)))
  stopifnot(all.equal(by_hand, by_cmprsk, tolerance = 1e-9))
  list(name = name,
  cells = with(data, cells_of(stratum = stratum, group = group, entry = entry, time = time, status = status)),
  gray = by_cmprsk[[1]], stratified_gray = by_cmprsk[[2]],
  log_rank = log_rank(Surv(time + 1, status == 1) ~ group, data),
  stratified_log_rank = log_rank(Surv(time + 1, status == 1) ~ group + strata(stratum), data))
}

# Where nothing competes Gray's score of two groups is that of Cox's model at no effect, whoever enters late.
without_deaths <- function(data) transform(data, status = ifelse(status == 2, 0, status))
score_of_cox <- function(data) {
  fit <- coxph(Surv(entry + 1, time + 1, status == 1) ~ group, data, ties = "breslow", init = 0, iter.max = 0)
  sum(residuals(fit, "score"))
}

# With delayed entry the log-rank test is the score test of Cox's exact partial likelihood.
late <- function(name, data) {
  score <- function(formula) figures(coxph(formula, data, ties = "exact")$score, 1)
  stopifnot(all.equal(gray_score(without_deaths(data))$score[2], score_of_cox(without_deaths(data)), tolerance = 1e-9))
  list(name = name,
    cells = with(data, cells_of(stratum = stratum, group = group, entry = entry, time = time, status = status)),
    gray = gray_by_hand(data), stratified_gray = gray_by_hand(data, data$stratum),
    log_rank = score(Surv(entry + 1, time + 1, status == 1) ~ group),
    stratified_log_rank = score(Surv(entry + 1, time + 1, status == 1) ~ group + strata(stratum)))
}

codes <- function(x) as.integer(as.factor(x)) - 1
with_strata <- function(data, group, stratum) { data$group <- group; data$stratum <- stratum; data }
kept <- subset(transplant, event != "withdraw")
deaths <- subset(colon, etype == 2)

cases <- list(
  case("mgus2", with_strata(public$mgus2, public$mgus2$group, as.integer(mgus2$age >= 70))),
  case("pbc", with_strata(public$pbc, public$pbc$group, pbc$edema[!is.na(pbc$trt)] * 2)),
  case("transplant", with_strata(public$transplant, codes(kept$abo), codes(kept$sex))),
  case("rotterdam", with_strata(public$rotterdam, codes(rotterdam$size), rotterdam$meno)),
  case("myeloid", with_strata(public$myeloid, public$myeloid$group, codes(myeloid$sex))),
  case("colon", with_strata(public$colon, codes(deaths$rx), deaths$extent)),
  late("mgus2_by_age", with_strata(public$mgus2_by_age, public$mgus2_by_age$group, with(public$mgus2_by_age, as.integer(time - entry > 60)))))
write_reference("group_tests.R", c("survival", "cmprsk"), cases)
