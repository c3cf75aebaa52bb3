# Superiority, Mann-Whitney and Brunner-Munzel by ranks of patients; proportional odds by MASS. Run in this folder: Rscript ordinal.R
source("common.R"); suppressPackageStartupMessages(library(MASS))

# Brunner and Munzel (2000) from ranks of all and ranks within groups, as printed there.
brunner_munzel <- function(x, y) {
  nx <- length(x); ny <- length(y); all <- rank(c(x, y)); rx <- all[seq_len(nx)]; ry <- all[nx + seq_len(ny)]
  vx <- sum((rx - rank(x) - mean(rx) + (nx + 1) / 2)^2) / (nx - 1); vy <- sum((ry - rank(y) - mean(ry) + (ny + 1) / 2)^2) / (ny - 1)
  theta <- (mean(rx) - mean(ry)) / (nx + ny) + 0.5; error <- sqrt(vx / (nx * ny^2) + vy / (ny * nx^2))
  df <- (nx * vx + ny * vy)^2 / ((nx * vx)^2 / (nx - 1) + (ny * vy)^2 / (ny - 1))
  statistic <- (theta - 0.5) / error
  list(estimate = theta, std_error = error, low = max(0, theta - qt(0.975, df) * error), high = min(1, theta + qt(0.975, df) * error),
    statistic = statistic, p_value = 2 * pt(-abs(statistic), df))
}

superiority <- function(name, value, group) {
  test <- wilcox.test(value[group == 1], value[group == 0], exact = FALSE, correct = FALSE)
  list(name = name, cells = cells_of(group = group, value = value), brunner_munzel = brunner_munzel(value[group == 1], value[group == 0]),
    mann_whitney = list(statistic = unname(test$statistic), p_value = test$p.value))
}

# The scores of single people by hand, thresholds last, as of polr; complex numbers, as a step along i gives derivatives exactly.
scores <- function(parameters, x, y) {
  k <- ncol(x); below <- 1 / (1 + exp(-(outer(-as.vector(x %*% parameters[seq_len(k)]), parameters[-seq_len(k)], "+"))))
  share <- cbind(0, below, 1); dense <- share * (1 - share); rows <- seq_along(y)
  upper <- dense[cbind(rows, y + 1)]; lower <- dense[cbind(rows, y)]; own <- share[cbind(rows, y + 1)] - share[cbind(rows, y)]
  cbind(-x * (upper - lower), sapply(seq_len(ncol(below)), function(j) upper * (y == j) - lower * (y == j + 1))) / own
}

# From polr's solution by Newton's steps to the maximum itself; there the model's covariance and the sandwich of people.
at_maximum <- function(fit) {
  x <- model.matrix(fit)[, -1, drop = FALSE]; y <- as.integer(model.response(model.frame(fit))); at <- c(coef(fit), fit$zeta)
  stopifnot(all.equal(scores(at, x, y), sandwich::estfun(fit), check.attributes = FALSE, tolerance = 1e-10))
  covariance_at <- function(at) solve(-sapply(seq_along(at), function(j) Im(colSums(scores(replace(at + 0i, j, at[j] + 1e-20i), x, y))) / 1e-20))
  for (step in 1:5) at <- at + as.vector(covariance_at(at) %*% colSums(scores(at, x, y)))
  covariance <- covariance_at(at); robust <- covariance %*% crossprod(scores(at, x, y)) %*% covariance; own <- seq_len(ncol(x))
  near <- function(found, expected) isTRUE(all.equal(found, expected, tolerance = 1e-3, check.attributes = FALSE))
  stopifnot(near(covariance, vcov(fit)), near(robust, sandwich::sandwich(fit)))
  list(coefficients = unname(at[own]), thresholds = unname(at[-own]), covariance = covariance[own, own], robust = robust[own, own])
}

odds <- function(name, data, names) {
  data$answer <- factor(data$value)
  fit <- polr(reformulate(names, "answer"), data, Hess = TRUE, control = list(reltol = 1e-15, maxit = 1000))
  list(name = name, covariates = I(names), cells = do.call(cells_of, as.list(data[c(names, "value")])), coefficients = unname(coef(fit)),
    thresholds = unname(fit$zeta), std_error = unname(sqrt(diag(vcov(fit)))[names]), log_likelihood = as.numeric(logLik(fit)),
    maximum = at_maximum(fit))
}

housed <- housing[rep(seq_len(nrow(housing)), housing$Freq), ]
housed <- data.frame(value = as.integer(housed$Sat), medium = as.integer(housed$Infl == "Medium"), high = as.integer(housed$Infl == "High"),
  apartment = as.integer(housed$Type == "Apartment"), contact = as.integer(housed$Cont == "High"))
lungs <- subset(lung, !is.na(ph.karno) & !is.na(ph.ecog))
lungs <- with(lungs, data.frame(value = ph.karno, woman = sex - 1, older = as.integer(age > 63)))
ulcers <- subset(pbc, !is.na(trt)); ulcers <- with(ulcers, data.frame(value = stage, trt = trt - 1, woman = as.integer(sex == "f")))

cases <- list(
  superiority = list(superiority("housing", housed$value, housed$contact), superiority("lung", lungs$value, lungs$woman),
    superiority("pbc", ulcers$value, ulcers$trt), superiority("birthwt", birthwt$bwt, birthwt$smoke),
    superiority("ToothGrowth", ToothGrowth$len, as.integer(ToothGrowth$supp == "OJ"))),
  proportional_odds = list(odds("housing", housed, c("medium", "high", "apartment", "contact")),
    odds("lung", lungs, c("woman", "older")), odds("pbc", ulcers, c("trt", "woman")),
    odds("rotterdam", with(rotterdam, data.frame(value = as.integer(size), hormon = hormon, meno = meno)), c("hormon", "meno"))))
write_reference("ordinal.R", c("stats", "MASS", "sandwich"), cases)
