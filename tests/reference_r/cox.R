# Cause-specific Cox models by survival, patient by patient. Run in this folder: Rscript cox.R
source("common.R")

model <- function(data, names, cause, ties, stratum) {
  formula <- reformulate(c(names, if (stratum) "strata(stratum)"), "Surv(entry + 1, time + 1, status == cause)")
  environment(formula) <- environment()
  exact <- coxph.control(eps = 1e-13, iter.max = 50, toler.chol = 1e-14)
  data$patient <- seq_len(nrow(data))
  plain <- coxph(formula, data, ties = ties, control = exact)
  robust <- coxph(formula, data, ties = ties, control = exact, cluster = patient)
  clustered <- coxph(formula, data, ties = ties, control = exact, cluster = cluster)
  zph <- cox.zph(plain, transform = "km", terms = FALSE)$table
  list(cause = cause, ties = ties, stratified = stratum, coefficients = unname(coef(plain)), log_likelihood = plain$loglik[2],
    model = unname(sqrt(diag(plain$var))), robust = unname(sqrt(diag(robust$var))), clustered = unname(sqrt(diag(clustered$var))),
    zph_statistics = unname(zph[, "chisq"]), zph_p_values = unname(zph[, "p"]))
}

case <- function(name, data, names) {
  cells <- do.call(cells_of, as.list(data[c("cluster", "stratum", names, "entry", "time", "status")]))
  causes <- if (any(data$status == 2)) 1:2 else 1
  grid <- expand.grid(cause = causes, ties = c("efron", "breslow"), stratum = c(FALSE, TRUE), stringsAsFactors = FALSE)
  models <- lapply(seq_len(nrow(grid)), function(i) with(grid[i, ], model(data, names, cause, ties, stratum)))
  list(name = name, covariates = I(names), cells = cells, models = models)
}

prepared <- function(name, ...) { data <- data.frame(public[[name]], ...); data[complete.cases(data), ] }
from <- subset(mgus2, age * 12 < age * 12 + ifelse(pstat == 1, ptime, futime))
kept <- subset(transplant, event != "withdraw")
deaths <- subset(colon, etype == 2)
heart_rows <- with(heart, data.frame(entry = ceiling(start) - 1, time = ceiling(stop), status = event,
  transplant = as.integer(transplant) - 1, surgery = surgery, older = as.integer(age > 0), stratum = surgery, cluster = id %% 11))
heart_rows <- subset(heart_rows, entry < time)

cases <- list(
  case("mgus2", prepared("mgus2", older = as.integer(mgus2$age >= 70), decade = floor(mgus2$age / 10), stratum = mgus2$mspike > 1.2,
    cluster = mgus2$dxyr %% 12), c("group", "older")),
  case("mgus2_by_age", prepared("mgus2_by_age", pale = as.integer(from$hgb < 12), stratum = from$mspike > 1.2, cluster = from$dxyr %% 12),
    c("group", "pale")),
  case("rotterdam", prepared("rotterdam", nodes = pmin(rotterdam$nodes, 6), size = as.integer(rotterdam$size) - 1,
    stratum = rotterdam$grade, cluster = rotterdam$year), c("group", "nodes", "size")),
  case("colon", prepared("colon", node4 = deaths$node4, stratum = deaths$extent, cluster = deaths$id %% 14), c("group", "node4")),
  case("lung", prepared("lung", ecog = lung$ph.ecog, stratum = as.integer(lung$age > 63), cluster = lung$inst), c("group", "ecog")),
  case("veteran", prepared("veteran", karnofsky = veteran$karno / 10, stratum = as.integer(veteran$celltype), cluster = veteran$diagtime %% 9),
    c("group", "karnofsky")),
  case("transplant", prepared("transplant", older = as.integer(kept$age > 50), stratum = as.integer(kept$abo), cluster = kept$year), c("group", "older")),
  case("heart", heart_rows, c("transplant", "older")))
for (i in seq_along(cases)) cases[[i]]$cells$stratum <- as.integer(cases[[i]]$cells$stratum)
write_reference("cox.R", "survival", cases)
