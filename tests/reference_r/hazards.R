# After against before, patient by patient: Cox with its errors, proportionality, tests by site. In this folder: Rscript hazards.R
source("common.R"); suppressPackageStartupMessages(library(cmprsk))

exact <- coxph.control(eps = 1e-14, iter.max = 60, toler.chol = 1e-15)

# The hazard ratio of the first covariate with the error of its log, clustered; `names` after it adjust. Of few clusters
# the variance is raised by G / (G - 1) and judged by Student's law with G - 1 degrees of freedom.
ratio <- function(data, names, cluster, few = FALSE) {
  formula <- reformulate(names, "Surv(entry + 1, time + 1, status == cause)")
  environment(formula) <- environment()
  data$unit <- cluster
  fit <- suppressWarnings(coxph(formula, data, ties = "efron", robust = TRUE, cluster = unit, control = exact))
  clusters <- length(unique(cluster)); df <- if (few) clusters - 1 else Inf
  error <- sqrt(fit$var[1, 1] * if (few) clusters / (clusters - 1) else 1); log_ratio <- coef(fit)[[1]]
  list(estimate = exp(log_ratio), std_error = error, ci_low = exp(log_ratio - qt(.975, df) * error), ci_high = exp(log_ratio + qt(.975, df) * error),
    p_value = 2 * pt(-abs(log_ratio / error), df), n = nrow(data))
}

constant <- function(data) {
  found <- cox.zph(coxph(Surv(entry + 1, time + 1, status == cause) ~ after, data, ties = "efron", control = exact), transform = "km")
  list(estimate = found$table[1, "chisq"], p_value = found$table[1, "p"])
}

# With delayed entry the log-rank test is the score test of Cox's exact partial likelihood.
log_rank <- function(data, by_site) {
  late <- any(data$entry != FROM_THE_START)
  terms <- if (by_site) "after + strata(site)" else "after"
  formula <- as.formula(paste(if (late) "Surv(entry + 1, time + 1, status == 1)" else "Surv(time + 1, status == 1)", "~", terms))
  statistic <- if (late) coxph(formula, data, ties = "exact")$score else survdiff(formula, data)$chisq
  list(estimate = unname(statistic), p_value = pchisq(unname(statistic), 1, lower.tail = FALSE))
}

# By cmprsk, or where somebody enters late by hand (common.R).
gray <- function(data) {
  if (any(data$entry != FROM_THE_START)) {
    test <- gray_by_hand(transform(data, group = after), data$site)
    return(list(estimate = test$statistic, p_value = test$p_value))
  }
  test <- with(data, cuminc(time, status, after, site))$Tests["1", ]
  list(estimate = test[["stat"]], p_value = test[["pv"]])
}

of_cause <- function(data, factors, cause) {
  data$cause <- cause
  complete <- data[rowSums(data[factors] < 0) == 0, ]
  for (name in factors) complete[[name]] <- factor(complete[[name]])
  row <- seq_len(nrow(data))
  list(crude = ratio(data, "after", row), site_clustered = ratio(data, "after", data$site, few = TRUE), constant = constant(data),
    adjusted = ratio(complete, c("after", factors[sapply(complete[factors], nlevels) > 1]), seq_len(nrow(complete))))
}

# Levels are whole numbers; -1 is a missing one.
case <- function(name, data, factors) {
  competes <- any(data$status == 2)
  result <- list(name = name, factors = I(factors), cells = do.call(cells_of, as.list(data[c("after", "site", factors, "entry", "time", "status")])),
    event = of_cause(data, factors, 1), log_rank = log_rank(data, FALSE), stratified_log_rank = log_rank(data, TRUE))
  if (competes) result$competing <- of_cause(data, factors, 2)
  if (competes) result$stratified_gray_test <- gray(data)
  result
}

# Several pathways of one patient, in one period or in both: the error is that of patients.
shared <- function(name, data) {
  data <- data[order(data$cluster, -data$after), c("cluster", "after", "entry", "time", "status")]
  data$cause <- 1
  found <- list(name = name, patients = as.list(data[1:5]), event = list(crude = ratio(data, "after", data$cluster)))
  if (any(data$status == 2)) { data$cause <- 2; found$competing <- list(crude = ratio(data, "after", data$cluster)) }
  found
}

level <- function(x) ifelse(is.na(x), -1, x)
with_site <- function(data, site, ...) { data <- data.frame(data, ...); data$after <- data$group; data$site <- site; data[!is.na(site), ] }
late <- with(mgus2, age * 12 < age * 12 + ifelse(pstat == 1, ptime, futime))
deaths <- subset(colon, etype == 2)
kept <- subset(transplant, event != "withdraw")
died <- subset(pbc, !is.na(trt))
# The first patients alone, none of the highest grade with the event: a level whose coefficient has no finite value.
few <- with_site(public$rotterdam, rotterdam$year, size = as.integer(rotterdam$size) - 1, nodes = pmin(rotterdam$nodes, 3))
few <- subset(few, nodes < 3 | status != 1)

cohorts <- with(mgus2, data.frame(cluster = as.integer(factor(paste(age %/% 5, dxyr %/% 2))), after = as.integer(sex == "M"), entry = FROM_THE_START,
  time = ifelse(pstat == 1, ptime, futime), status = ifelse(pstat == 1, 1, 2 * death)))
aged <- with(mgus2, data.frame(cluster = as.integer(factor(paste(age %/% 5, dxyr %/% 2))), after = as.integer(sex == "M"), entry = age * 12,
  time = age * 12 + ifelse(pstat == 1, ptime, futime), status = ifelse(pstat == 1, 1, 2 * death)))
infections <- with(cgd, data.frame(cluster = id, after = as.integer(treat == "rIFN-g"), entry = tstart, time = tstop, status = status))
two_eyes <- with(retinopathy, data.frame(cluster = id, after = trt, entry = FROM_THE_START, time = floor(futime), status = status))

cases <- list(
  case("mgus2", with_site(public$mgus2, mgus2$dxyr %% 12, older = as.integer(mgus2$age >= 70), spike = level(as.integer(mgus2$mspike > 1.2)),
    pale = level(as.integer(mgus2$hgb < 12))), c("older", "spike", "pale")),
  case("mgus2_by_age", with_site(public$mgus2_by_age, (mgus2$dxyr %% 12)[late], spike = level(as.integer(mgus2$mspike > 1.2))[late]), "spike"),
  case("rotterdam", with_site(public$rotterdam, rotterdam$year, size = as.integer(rotterdam$size) - 1, nodes = pmin(rotterdam$nodes, 4)),
    c("size", "nodes")),
  case("rotterdam_level_without_event", few, c("size", "nodes")),
  case("transplant", with_site(public$transplant, kept$year, abo = as.integer(kept$abo), older = level(as.integer(kept$age > 50))), c("abo", "older")),
  case("pbc", with_site(public$pbc, died$id %% 7, stage = level(died$stage), oedema = died$edema * 2), c("stage", "oedema")),
  case("colon", with_site(public$colon, deaths$id %% 14, extent = deaths$extent, differ = level(deaths$differ)), c("extent", "differ")),
  case("lung", with_site(public$lung, lung$inst, ecog = level(lung$ph.ecog)), "ecog"))
write_reference("hazards.R", c("survival", "cmprsk"), c(cases, list(
  shared("retinopathy", two_eyes), shared("cgd", infections), shared("mgus2_cohorts", cohorts), shared("mgus2_cohorts_by_age", subset(aged, entry < time)))))
