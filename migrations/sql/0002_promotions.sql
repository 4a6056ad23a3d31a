-- Tables and functions of promotions; its GRANTs stand at its end.
SELECT 1;
